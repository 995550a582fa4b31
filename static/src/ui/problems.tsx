import { PROBLEM_SORTS, type Problem, type ProblemSort } from "@astrolabe/stream";
import type { Cluster } from "../cluster/cluster";
import { clock } from "../cluster/time";
import { PROBLEM } from "../state/focus";
import type { Page } from "../state/page";
import { calledOf, isGrowing, isOld, verdictOf } from "../state/trust";
import { filterOf } from "../state/url";
import type { Viewer } from "../state/viewer";
import { Glyph } from "./glyph";
import { useHeldList } from "./held-list";
import { moveInList } from "./hooks";
import { Moment } from "./moment";

const SORTS: Record<ProblemSort, string> = {
  severity: "worst first",
  reach: "nearest to users first",
  affected: "most affected first",
  age: "oldest first",
  newest: "newest first",
};

/** What is broken, by cause, as the server reports it. */
export function Problems({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { problems } = page;
  const { sort, filter } = page.view;
  const list = useHeldList(problems ?? [], JSON.stringify([sort, ...Object.values(filter).map(textOf)]));
  return (
    <section
      class="problems"
      aria-labelledby="problems-title"
      onPointerEnter={list.enter}
      onPointerLeave={list.leave}
      onFocusIn={list.focus}
      onFocusOut={list.blur}
    >
      <h2 id="problems-title">
        Problems <span class="number">{numberOf(problems)}</span>
        {page.loaded && <small>{when(page)}</small>}
        {list.waiting > 0 && (
          <button type="button" class="waiting" onClick={list.release}>
            {list.waiting} new
          </button>
        )}
      </h2>
      <p class="on-paper">{onPaper(page)}</p>
      {problems !== null && problems.length > 1 && <Sort viewer={viewer} sort={sort} />}
      {problems === null && page.fault !== "" && (
        <div class="well">
          <p>No problems are listed, as the filter does not parse.</p>
        </div>
      )}
      {numberOf(problems) === 0 && list.shown.length === 0 && <None page={page} />}
      <ul onKeyDown={moveInList}>
        {list.shown.map((problem) => (
          <li key={problem.id}>
            <Row viewer={viewer} page={page} problem={problem} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The cluster, the time and the filter of the list, for print. */
function onPaper({ cluster, view }: Page): string {
  const filters = Object.entries(filterOf(view)).map(([name, value]) => `${name}: ${value}`);
  const now = Date.now();
  return [calledOf(cluster), clock(now, now), ...filters].filter(Boolean).join(" · ");
}

const textOf = (values: ReadonlySet<string> | string): string => [...values].join(",");

/** How many there are now: one that has ended is shown for another while, but does not count. */
export const numberOf = (problems: readonly Problem[] | null): number | null =>
  problems === null ? null : problems.filter((problem) => problem.ended === undefined).length;

function Sort({ viewer, sort }: { viewer: Viewer; sort: ProblemSort }) {
  const choose = (event: Event) =>
    viewer.sortProblems((event.currentTarget as HTMLSelectElement).value as ProblemSort);
  return (
    <label class="sort">
      Order
      <select value={sort} onChange={choose}>
        {PROBLEM_SORTS.map((each) => (
          <option key={each} value={each}>
            {SORTS[each]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How reliable the number is. */
function when({ trust }: Page): string {
  if (isGrowing(trust)) return "so far";
  if (!isOld(trust)) {
    const stale = trust.clusters.filter(({ state }) => state === "stale").map(({ name }) => name);
    return stale.length === 0 ? "" : `${stale.join(", ")}: as last known`;
  }
  return trust.since === null ? "as last known" : `as of ${clock(trust.since, Date.now())}`;
}

/** A green check means that the whole cluster is well now. Otherwise there is none. */
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
  const { cause, namespaces, releases } = problem;
  const cluster = page.view.cluster === "" ? cause.cluster : "";
  const place = [cause.namespace || namespaces[0], releases[0]?.name].filter(Boolean).join(" / ");
  const where = [cluster, place || "cluster-scoped"].filter(Boolean).join(" / ");
  const open = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    viewer.focusProblem(problem.id);
  };
  return (
    <a
      data-item
      class="problem"
      href={viewer.addressOf(problem.id)}
      aria-current={page.view.focus === PROBLEM + problem.id ? "true" : undefined}
      data-ended={problem.ended !== undefined}
      onClick={open}
    >
      <Glyph status={problem.status} label={problem.status} />
      <span class="lead">
        <strong>{problem.reason}</strong>
        {problem.ended === undefined ? <Moment since={problem.since} short /> : <small>ended</small>}
      </span>
      <span class="who">
        {cause.name} <small>{kindOf(viewer.graph, problem)}</small>
      </span>
      <span class="why" title={problem.message}>
        {problem.message}
      </span>
      <span class="where">{where}</span>
      <Affected graph={viewer.graph} problem={problem} />
    </a>
  );
}

function kindOf(graph: Cluster, { cause }: Problem): string {
  if (cause.missing === true) return `${cause.kind}, missing`;
  return cause.count === undefined ? cause.kind : graph.kinds.counted(cause.count, cause.kind);
}

/** How far it reaches: the kinds that are broken because of it, those closest to users first. */
function Affected({ graph, problem }: { graph: Cluster; problem: Problem }) {
  const kinds = Object.entries(problem.affected.kinds).filter(([kind]) => !graph.kinds.of(kind).relays);
  if (kinds.length === 0) return null;
  const sorted = kinds.sort(([one], [other]) => graph.kinds.of(one).column - graph.kinds.of(other).column);
  return (
    <span class="impact">
      breaks {sorted.map(([kind, number]) => graph.kinds.counted(number, kind)).join(", ")}
    </span>
  );
}
