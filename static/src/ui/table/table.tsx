import type { Node } from "@astrolabe/stream";
import { nameOf } from "../../cluster/names";
import type { Group } from "../../groups/group";
import type { Page } from "../../state/page";
import type { Viewer } from "../../state/viewer";
import { kindColumns, NAMESPACES, NOT_READY, namespaceColumns, notReadyColumns } from "../../table/columns";
import { Grid } from "./grid";

/** What the filter lets through as a table: of namespaces, of all that is not ready, or of one kind. */
export function TableView({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { table } = page.view;
  if (table === null) return null;
  return (
    <section class="table" aria-label="Table">
      {table === NAMESPACES ? (
        <Namespaces viewer={viewer} page={page} />
      ) : (
        <Resources viewer={viewer} page={page} />
      )}
    </section>
  );
}

const viewOf = ({ view, clusters, loaded }: Page): string =>
  JSON.stringify([
    ...[view.table, view.cluster, clusters.length, loaded],
    ...Object.values(view.filter).map((values: Iterable<string>) => [...values].join()),
  ]);

function Namespaces({ viewer, page }: { viewer: Viewer; page: Page }) {
  return (
    <Grid<Group>
      key={NAMESPACES}
      title="Namespaces"
      view={viewOf(page)}
      columns={namespaceColumns(page.clusters.length > 1)}
      rows={() => viewer.groupsBy("namespace").groups}
      idOf={(group) => group.id}
      first={{ column: "problems", descending: true }}
      link="name"
      go={(group) => viewer.enter("namespace", group)}
      isCurrent={() => false}
      choice={<Choice viewer={viewer} page={page} />}
    />
  );
}

function Resources({ viewer, page }: { viewer: Viewer; page: Page }) {
  const table = page.view.table ?? "";
  const several = page.clusters.length > 1;
  const { kinds } = viewer.graph;
  const all = table === NOT_READY;
  const columns = all ? notReadyColumns(several) : kindColumns(kinds, table, several);
  return (
    <Grid<Node>
      key={table}
      title={all ? "Not ready" : kinds.plural(table)}
      view={viewOf(page)}
      columns={columns}
      rows={() => viewer.nodesOf(all ? null : table)}
      idOf={(node) => node.uid}
      first={{ column: "status", descending: true }}
      link="name"
      go={(node) => viewer.select(nameOf(node))}
      isCurrent={(node) => page.view.selected === nameOf(node)}
      choice={<Choice viewer={viewer} page={page} />}
    />
  );
}

function Choice({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { table } = page.view;
  const kinds = [...viewer.index.kinds]
    .filter(([, number]) => number > 0)
    .sort(([a], [b]) => a.localeCompare(b));
  const isKnown = table === NAMESPACES || table === NOT_READY || kinds.some(([kind]) => kind === table);
  return (
    <label class="sort">
      Show
      <select value={table ?? ""} onChange={(event) => viewer.showTable(event.currentTarget.value)}>
        <option value={NAMESPACES}>Namespaces</option>
        <option value={NOT_READY}>Not ready, of all kinds</option>
        {!isKnown && <option value={table ?? ""}>{table}</option>}
        {kinds.map(([kind, number]) => (
          <option key={kind} value={kind}>
            {kind} ({number.toLocaleString()})
          </option>
        ))}
      </select>
    </label>
  );
}

/** Map or table. */
export function Side({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { table } = page.view;
  return (
    <fieldset class="segments" aria-label="Show as">
      <button type="button" aria-pressed={table === null} onClick={() => viewer.showTable(null)}>
        Map
      </button>
      <button
        type="button"
        aria-pressed={table !== null}
        onClick={() => table === null && viewer.showTable(NOT_READY)}
      >
        Table
      </button>
    </fieldset>
  );
}
