/** What the columns of each table are, and what is in their cells. */

import { columnText, columnTitle, type Kinds, type Node, severity } from "@astrolabe/stream";
import type { Group } from "../groups/group";

/** Tables that are not of one kind. */
export const NAMESPACES = "namespaces";
export const NOT_READY = "not-ready";

/** A value that is sorted by; texts are compared as people count, `web-9` before `web-10`. */
export type Value = string | number;

/** moment: the value is a time, in milliseconds since 1970; 0: unknown. */
export interface TableColumn<Row> {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly form: "text" | "number" | "moment" | "status";
  readonly value: (row: Row) => Value;
}

type NodeColumn = TableColumn<Node>;

const text = (id: string, title: string, value: (node: Node) => string): NodeColumn => ({
  ...{ id, title, description: "", form: "text", value },
});

const STATUS: NodeColumn = {
  ...{ id: "status", title: "Status", description: "", form: "status" },
  value: (node) => node.status,
};
const SINCE: NodeColumn = {
  ...{ id: "since", title: "Since", description: "Since when its status is so", form: "moment" },
  value: (node) => timeOf(node.since),
};
const KIND = text("kind", "Kind", (node) => node.kind);
const CLUSTER = text("cluster", "Cluster", (node) => node.cluster ?? "");
const NAMESPACE = text("namespace", "Namespace", (node) => node.namespace ?? "");
const NAME = text("name", "Name", (node) => node.name);
const REASON = text("reason", "Reason", (node) => node.reason ?? "");
const MESSAGE = text("message", "Message", (node) => node.message ?? "");
const RELEASE = text("release", "Release", (node) => node.release ?? "");

/** Of the resources that are not as they should be, of whatever kind. */
export const notReadyColumns = (several: boolean): NodeColumn[] => [
  ...(several ? [CLUSTER] : []),
  ...[STATUS, KIND, NAMESPACE, NAME, REASON, MESSAGE, SINCE, RELEASE],
];

/** Of one kind: what all have, and what the server says this kind has. */
export function kindColumns(kinds: Kinds, kind: string, several: boolean): NodeColumn[] {
  const own = kinds.of(kind).columns.map(({ name, format, type, description }): NodeColumn => {
    const value = (node: Node) => node.metadata?.[name];
    const base = { id: `metadata.${name}`, title: columnTitle(name), description };
    if (format === "date-time") return { ...base, form: "moment", value: (node) => timeOf(value(node)) };
    if (type === "integer" || type === "number")
      return { ...base, form: "number", value: (node) => Number(value(node) ?? Number.NaN) };
    return {
      ...{ ...base, form: "text" as const },
      value: (node) => (value(node) === undefined ? "" : columnText(value(node))),
    };
  });
  const created: NodeColumn = {
    ...{ id: "created", title: "Created", description: "", form: "moment" },
    value: (node) => timeOf(node.metadata?.["creationTimestamp"]),
  };
  const hasCreated = own.some(({ id }) => id === "metadata.creationTimestamp");
  return [
    ...(several ? [CLUSTER] : []),
    ...(kinds.of(kind).namespaced ? [NAMESPACE] : []),
    ...[NAME, STATUS, REASON, MESSAGE],
    ...own,
    ...(hasCreated ? [] : [created]),
    RELEASE,
  ];
}

const number = (id: string, title: string, value: (group: Group) => number): TableColumn<Group> => ({
  ...{ id, title, description: "", form: "number", value },
});

/** Of namespaces, with what is in them by status. */
export const namespaceColumns = (several: boolean): TableColumn<Group>[] => [
  ...(several
    ? [
        {
          ...number("cluster", "Cluster", () => 0),
          form: "text" as const,
          value: (group: Group) => group.cluster,
        },
      ]
    : []),
  {
    ...number("name", "Namespace", () => 0),
    form: "text",
    value: ({ title }) => title || "(cluster-scoped)",
  },
  number("problems", "Problems", (group) => group.problems),
  number("error", "Error", ({ counts }) => counts.Error),
  number("unknown", "Unknown", ({ counts }) => counts.Unknown),
  number("pending", "Pending", ({ counts, idle }) => counts.Pending - idle),
  { ...number("idle", "Empty", ({ idle }) => idle), description: "Scaled to zero, so meant to be empty" },
  number("ready", "Ready", ({ counts }) => counts.Ready),
  number("all", "Resources", ({ counts }) => counts.Error + counts.Unknown + counts.Pending + counts.Ready),
];

function timeOf(value: unknown): number {
  const time = Date.parse(String(value ?? ""));
  return Number.isNaN(time) ? 0 : time;
}

/** column: its id. Statuses go by how bad they are. */
export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

const collator = new Intl.Collator("en", { numeric: true });

export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  { column: id, descending }: Sort,
): Row[] {
  const column = columns.find((each) => each.id === id);
  if (column === undefined) return [...rows];
  // Each value is looked up once: a comparison is made many times.
  const keyed = rows.map((row) => [row, keyOf(column, row)] as const);
  const sign = descending ? -1 : 1;
  keyed.sort(([, one], [, other]) => sign * compare(one, other));
  return keyed.map(([row]) => row);
}

const keyOf = <Row>(column: TableColumn<Row>, row: Row): Value => {
  const value = column.value(row);
  return column.form === "status" ? severity(value as Node["status"]) : value;
};

function compare(one: Value, other: Value): number {
  if (typeof one === "string" || typeof other === "string")
    return collator.compare(String(one), String(other));
  // What has no number comes first.
  return (Number.isNaN(one) ? -1 : one) - (Number.isNaN(other) ? -1 : other);
}

/** Rows in which each word is somewhere. */
export function searched<Row>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  words: string,
): readonly Row[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return rows;
  const texts = columns.filter(({ form }) => form === "text" || form === "status");
  return rows.filter((row) => {
    const all = texts
      .map((column) => column.value(row))
      .join("\n")
      .toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}
