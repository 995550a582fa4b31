import type { Status } from "@astrolabe/stream";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ago } from "../../cluster/time";
import { type Sort, searched, sorted, type TableColumn } from "../../table/columns";
import { csvOf, textOf } from "../../table/csv";
import { Glyph } from "../glyph";
import { ROW, useRefreshed, useWindow } from "./rows";

interface GridProps<Row> {
  readonly title: string;
  /** Changes when other rows are asked for. */
  readonly view: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: () => readonly Row[];
  readonly idOf: (row: Row) => string;
  readonly first: Sort;
  /** The column whose cell leads to the row, and where to. */
  readonly link: string;
  readonly go: (row: Row) => void;
  readonly isCurrent: (row: Row) => boolean;
  readonly choice: ComponentChildren;
}

/** A table of any length: sorted by a click on a column, searched, and saved as CSV. */
export function Grid<Row>(props: GridProps<Row>) {
  const { title, view, columns, idOf } = props;
  const [sort, setSort] = useState(props.first);
  const [words, setWords] = useState("");
  const rows = useRefreshed(JSON.stringify([view, sort, words]), () =>
    sorted(searched(props.rows(), columns, words), columns, sort),
  );
  const { from, to, box, onScroll } = useWindow(rows.length);
  const press = (column: TableColumn<Row>) => {
    const isSame = sort.column === column.id;
    setSort({ column: column.id, descending: isSame ? !sort.descending : column.form !== "text" });
  };
  return (
    <>
      <header>
        {props.choice}
        <input
          type="search"
          aria-label="Search in this table"
          placeholder="Search in this table"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <p class="sum" role="status">
          {rows.length.toLocaleString()} {rows.length === 1 ? "row" : "rows"}
        </p>
        <button type="button" class="plain" onClick={() => save(title, csvOf(columns, rows))}>
          Save as CSV
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard */}
      <section class="rows" ref={box} onScroll={onScroll} tabIndex={0} aria-label={title}>
        <table aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head key={column.id} column={column} sort={sort} press={() => press(column)} />
              ))}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <Space rows={from} columns={columns.length} />}
            {rows.slice(from, to).map((row, index) => (
              <tr
                key={idOf(row)}
                aria-rowindex={from + index + 2}
                aria-current={props.isCurrent(row) || undefined}
              >
                {columns.map((column) => (
                  <Cell
                    key={column.id}
                    column={column}
                    row={row}
                    go={column.id === props.link ? props.go : null}
                  />
                ))}
              </tr>
            ))}
            {to < rows.length && <Space rows={rows.length - to} columns={columns.length} />}
          </tbody>
        </table>
      </section>
    </>
  );
}

function Head<Row>(props: { column: TableColumn<Row>; sort: Sort; press: () => void }) {
  const { column, sort, press } = props;
  const order = sort.column !== column.id ? undefined : sort.descending ? "descending" : "ascending";
  return (
    <th scope="col" data-form={column.form} aria-sort={order} title={column.description || undefined}>
      <button type="button" onClick={press}>
        {column.title}
        <span aria-hidden="true">{order === undefined ? "" : order === "ascending" ? " ▲" : " ▼"}</span>
      </button>
    </th>
  );
}

/** The place of rows that are out of view. */
const Space = ({ rows, columns }: { rows: number; columns: number }) => (
  <tr aria-hidden="true" class="space">
    <td colSpan={columns} style={{ height: `${rows * ROW}px` }} />
  </tr>
);

function Cell<Row>(props: { column: TableColumn<Row>; row: Row; go: ((row: Row) => void) | null }) {
  const { column, row, go } = props;
  const value = column.value(row);
  if (go !== null) {
    return (
      <th scope="row">
        <button type="button" class="link" onClick={() => go(row)}>
          {String(value)}
        </button>
      </th>
    );
  }
  if (column.form === "status") {
    return (
      <td class={String(value).toLowerCase()}>
        <Glyph status={value as Status} /> {value}
      </td>
    );
  }
  const text = textOf(column.form, value);
  if (column.form === "moment")
    return <td title={text}>{value === 0 ? "" : ago(Number(value), Date.now())}</td>;
  return (
    <td data-form={column.form} data-zero={value === 0} title={text}>
      {typeof value === "number" && text !== "" ? value.toLocaleString() : text}
    </td>
  );
}

function save(title: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1_000);
}
