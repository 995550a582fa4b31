import { type Column, columnText, columnTitle, type Kind } from "@astrolabe/stream";
import { Moment } from "./moment";

/** Keys with names of other resources. The edges show them, with the field that they come from. */
const TOLD_BY_EDGES = new Set([
  "targetPods",
  "mountedPVCs",
  "usedConfigMaps",
  "usedSecrets",
  "serviceAccountName",
]);

type Values = Readonly<Record<string, unknown>>;

/** The metadata of a resource: the columns of its kind, with what the server says about them. */
export function Metadata({ metadata, kind }: { metadata: Values; kind: Kind }) {
  return (
    <>
      {shownColumns(metadata, kind.columns).map((column) => (
        <Row key={column.name} column={column} value={metadata[column.name]} />
      ))}
    </>
  );
}

/** Those that have a value, in the order of the kind; then keys that the server does not describe. */
export function shownColumns(metadata: Values, columns: readonly Column[]): Column[] {
  const described = new Set(columns.map(({ name }) => name));
  const others = Object.keys(metadata).filter((key) => !described.has(key));
  const all = [...columns, ...others.map((name) => undescribed(name, metadata[name]))];
  return all.filter(({ name }) => metadata[name] !== undefined && !TOLD_BY_EDGES.has(name));
}

/** Of `creationTimestamp`, which all kinds have, and of servers that describe no columns or no formats. */
function undescribed(name: string, value: unknown): Column {
  const isTime = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value);
  return { name, type: "string", ...(isTime && { format: "date-time" as const }), description: "" };
}

function Row({ column: { name, format, description }, value }: { column: Column; value: unknown }) {
  return (
    <>
      <dt title={description || undefined}>{columnTitle(name)}</dt>
      <dd>{format === "date-time" ? <Moment since={String(value)} /> : columnText(value)}</dd>
    </>
  );
}
