import { worst } from "../../cluster/counts";
import { type Dimension, type Group, type Mood, partsOf } from "../../groups/group";
import type { Page } from "../../state/page";
import type { Viewer } from "../../state/viewer";
import { Glyph } from "../glyph";
import { NAMES } from "./overview";

const WORDS = {
  Error: "in error",
  Unknown: "unknown",
  Pending: "pending",
  Idle: "empty, as meant",
  Ready: "ready",
} as const;

/** One group: its name in full, what is wrong in it, and how many of its resources are how. */
export function Tile(props: { viewer: Viewer; page: Page; by: Dimension; group: Group; mood: Mood }) {
  const { viewer, page, by, group, mood } = props;
  const parts = partsOf(group);
  const number = parts.reduce((all, { count }) => all + count, 0);
  const said = parts.map(({ part, count }) => `${count.toLocaleString()} ${WORDS[part]}`).join(", ");
  const name = group.title || NAMES[by].none;
  const state = page.clusters.find((each) => each.name === group.cluster)?.state ?? "live";
  const isOld = state === "stale";
  const title = [
    `${NAMES[by].one} ${name}`,
    group.within,
    said,
    isOld && "as last known: the cluster is stale",
  ];
  return (
    <button
      type="button"
      class="tile"
      data-mood={mood}
      data-status={worst(group.counts)}
      data-old={isOld}
      title={title.filter(Boolean).join("\n")}
      onClick={() => viewer.enter(by, group)}
    >
      <span class="name">{name}</span>
      {group.within !== "" && <span class="within">{group.within}</span>}
      {isOld && <span class="old">stale</span>}
      {mood === "broken" && <Wrong group={group} />}
      <span class="foot">
        <span class="bar" aria-hidden="true">
          {parts.map(({ part, count }) => (
            <span key={part} class={part.toLowerCase()} style={{ flexGrow: count }} />
          ))}
        </span>
        <span class="number">{number.toLocaleString()}</span>
      </span>
      <span class="visually-hidden">{said}</span>
    </button>
  );
}

/** As many reasons as a tile has room for; the problems beside the map name all. */
const REASONS = 2;

function some(reasons: readonly string[]): string {
  const named = reasons.slice(0, REASONS).join(", ");
  return reasons.length > REASONS ? `${named}, +${reasons.length - REASONS}` : named;
}

/** The number of problems and their reasons; or what is in error although no problem has its cause here. */
function Wrong({ group }: { group: Group }) {
  const { problems, reasons, counts } = group;
  const status = worst(counts);
  if (problems === 0) {
    return (
      <span class={`wrong ${status.toLowerCase()}`}>
        <Glyph status={status} />
        {counts.Error > 0 ? `${counts.Error.toLocaleString()} affected` : `${counts.Unknown} unknown`}
      </span>
    );
  }
  return (
    <>
      <span class={`wrong ${status.toLowerCase()}`}>
        <Glyph status={status} />
        <strong>
          {problems.toLocaleString()} {problems === 1 ? "problem" : "problems"}
        </strong>
      </span>
      <span class="reasons">{some(reasons)}</span>
    </>
  );
}
