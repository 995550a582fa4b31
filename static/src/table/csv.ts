import type { TableColumn, Value } from "./columns";

/** All rows as CSV (RFC 4180), with times as RFC 3339. */
export function csvOf<Row>(columns: readonly TableColumn<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => cell(title)),
    ...rows.map((row) => columns.map((column) => cell(textOf(column.form, column.value(row))))),
  ];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

export function textOf(form: TableColumn<unknown>["form"], value: Value): string {
  if (form === "moment") return value === 0 ? "" : new Date(value).toISOString();
  return typeof value === "number" && Number.isNaN(value) ? "" : String(value);
}

/** A spreadsheet would calculate what begins so; names and messages come from anybody. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(text: string): string {
  const plain = FORMULA.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
