import { type Counts, LEVELS, total } from "../cluster/levels";

/** How many of each level, as a bar and in words. */
export function Split({ counts }: { counts: Counts }) {
  const there = LEVELS.filter((level) => counts[level] > 0);
  const words = there.map((level) => `${counts[level]} ${level}`).join(", ");
  return (
    <div class="split">
      <div class="bar" aria-hidden="true">
        {there.map((level) => (
          <span key={level} class={level.toLowerCase()} style={{ flexGrow: counts[level] / total(counts) }} />
        ))}
      </div>
      <p>{words}</p>
    </div>
  );
}
