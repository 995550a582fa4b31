import { Moment } from "./moment";

/** Keys with names of other resources. The edges show them, with the field that they come from. */
const TOLD_BY_EDGES = new Set([
  "targetPods",
  "mountedPVCs",
  "usedConfigMaps",
  "usedSecrets",
  "serviceAccountName",
]);

/** The metadata of a resource, whatever its kind has. */
export function Metadata({ metadata }: { metadata: Readonly<Record<string, unknown>> }) {
  const rows = Object.entries(metadata).filter(([key]) => !TOLD_BY_EDGES.has(key));
  return (
    <>
      {rows.map(([key, value]) => (
        <Row key={key} name={words(key)} value={value} />
      ))}
    </>
  );
}

function Row({ name, value }: { name: string; value: unknown }) {
  const isTime = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value);
  return (
    <>
      <dt>{name}</dt>
      <dd>{isTime ? <Moment since={value} /> : say(value)}</dd>
    </>
  );
}

/** `podIP` becomes `Pod IP`; `creationTimestamp` becomes a word that people use. */
function words(key: string): string {
  if (key === "creationTimestamp") return "Created";
  const spaced = key.replace(/([a-z])([A-Z])/g, "$1 $2");
  const lower = spaced.replace(/ ([A-Z])(?=[a-z])/g, (_, letter: string) => ` ${letter.toLowerCase()}`);
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

function say(value: unknown): string {
  if (Array.isArray(value)) return value.map(say).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  const parts = Object.entries(value).filter(([key]) => key !== "uid");
  return parts.map(([key, part]) => `${key} ${say(part)}`).join(", ");
}
