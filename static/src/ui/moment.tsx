import { ago, lasting } from "../cluster/time";
import { useNow } from "./hooks";

/** A moment as people say it; when exactly, on hover. since: RFC 3339. */
export function Moment({ since, short = false }: { since: string | undefined; short?: boolean }) {
  const now = useNow(10_000);
  const then = Date.parse(since ?? "");
  if (Number.isNaN(then)) return null;
  const exact = new Date(then).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  return (
    <time dateTime={since} title={exact}>
      {short ? lasting(then, now) : ago(then, now)}
    </time>
  );
}
