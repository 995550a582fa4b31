import { STATUSES } from "@astrolabe/stream";
import { type Counts, total } from "../cluster/counts";

/** How many of each status, as a bar and in words. */
export function Split({ counts }: { counts: Counts }) {
  const there = STATUSES.filter((status) => counts[status] > 0);
  const words = there.map((status) => `${counts[status]} ${status}`).join(", ");
  return (
    <div class="split">
      <div class="bar" aria-hidden="true">
        {there.map((status) => (
          <span
            key={status}
            class={status.toLowerCase()}
            style={{ flexGrow: counts[status] / total(counts) }}
          />
        ))}
      </div>
      <p>{words}</p>
    </div>
  );
}
