import type { Cluster } from "../cluster/cluster";
import type { Problem } from "../cluster/problems";
import { clock } from "../cluster/time";
import { isGrowing, isOld, verdictOf } from "../state/trust";
import type { Page, Viewer } from "../state/viewer";
import { Glyph } from "./glyph";
import { moveInList } from "./hooks";
import { Moment } from "./moment";

/** What is broken, gathered by its cause, the largest impact first. */
export function Problems({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { problems } = page;
  return (
    <section class="problems" aria-labelledby="problems-title">
      <h2 id="problems-title">
        Problems <span class="number">{page.loaded ? problems.length : ""}</span>
        {page.loaded && <small>{when(page)}</small>}
      </h2>
      {page.loaded && problems.length === 0 && <None page={page} />}
      <ul onKeyDown={moveInList}>
        {problems.map((problem) => (
          <li key={problem.id}>
            <Row viewer={viewer} page={page} problem={problem} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What the number is worth. */
function when({ trust }: Page): string {
  if (isGrowing(trust)) return "so far";
  if (!isOld(trust)) return "";
  return trust.since === null ? "as last known" : `as of ${clock(trust.since, Date.now())}`;
}

/** A green check stands for the whole cluster as it is now, or not at all. */
function None({ page }: { page: Page }) {
  const { clear, text } = verdictOf(page.trust, page.view, (time) => clock(time, Date.now()));
  return (
    <div class="well" data-clear={clear}>
      {clear && <Glyph status="Ready" />}
      <p>{text}</p>
    </div>
  );
}

function Row({ viewer, page, problem }: { viewer: Viewer; page: Page; problem: Problem }) {
  const { roots, kind, title, namespace, release, status } = problem;
  const focused = page.story.some((card) => roots.some((uid) => card.members.includes(uid)));
  const what = roots.length > 1 ? `${roots.length} ${viewer.graph.kinds.plural(kind)}` : kind;
  return (
    <button
      type="button"
      data-item
      class="problem"
      aria-pressed={focused}
      onClick={() => viewer.focus(roots[0] ?? "")}
    >
      <Glyph status={status} label={status} />
      <span class="lead">
        <strong>{problem.reason}</strong>
        <Moment since={problem.since} short />
      </span>
      <span class="who">
        {title} <small>{what}</small>
      </span>
      <span class="where">{[namespace, release].filter(Boolean).join(" / ") || "cluster-scoped"}</span>
      <Impact graph={viewer.graph} affected={problem.affected} />
    </button>
  );
}

/** How far it is felt: the kinds that are broken because of it, those that users meet first. */
function Impact({ graph, affected }: { graph: Cluster; affected: readonly string[] }) {
  const counts = new Map<string, number>();
  for (const uid of affected) {
    const kind = graph.nodes.get(uid)?.kind;
    if (kind !== undefined && !graph.kinds.of(kind).relays) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  if (counts.size === 0) return null;
  const sorted = [...counts].sort(
    ([one], [other]) => graph.kinds.of(one).column - graph.kinds.of(other).column,
  );
  return (
    <span class="impact">
      breaks {sorted.map(([kind, number]) => graph.kinds.counted(number, kind)).join(", ")}
    </span>
  );
}
