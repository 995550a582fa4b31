/** Resources gathered by something that they have in common: what is shown where there are too many to draw each. */

import type { Status } from "@astrolabe/stream";
import { type Counts, sum, total } from "../cluster/counts";

/** What resources are gathered by. */
export const DIMENSIONS = ["cluster", "namespace", "release", "kind", "node", "zone", "owner"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/**
 * title: its name in full; empty for what has none of it. within: what it is a part of, or empty. idle: how many of
 * the pending ones are meant to be empty. problems: with a cause in it; reasons: theirs, the most frequent first.
 */
export interface Group {
  readonly id: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly title: string;
  readonly within: string;
  readonly counts: Counts;
  readonly idle: number;
  readonly problems: number;
  readonly reasons: readonly string[];
}

/** All groups of a dimension. nodes, counts: of all of them together. */
export interface Groups {
  readonly by: Dimension;
  readonly groups: readonly Group[];
  readonly counts: Counts;
  readonly nodes: number;
  readonly idle: number;
}

export function together(by: Dimension, groups: readonly Group[]): Groups {
  const counts = sum(groups.map((group) => group.counts));
  const idle = groups.reduce((all, group) => all + group.idle, 0);
  return { by, groups: groups.toSorted(worstFirst), counts, nodes: total(counts), idle };
}

/** broken: something needs somebody. changing: it is on its way. well: neither, or meant to be as it is. */
export type Mood = "broken" | "changing" | "well";

export function moodOf({ problems, counts, idle }: Pick<Group, "problems" | "counts" | "idle">): Mood {
  if (problems > 0 || counts.Error > 0 || counts.Unknown > 0) return "broken";
  return counts.Pending > idle ? "changing" : "well";
}

const MOODS: readonly Mood[] = ["broken", "changing", "well"];

/** The worst first: those with problems by their number, the rest by what is wrong in them, then by name. */
export function worstFirst(one: Group, other: Group): number {
  return (
    MOODS.indexOf(moodOf(one)) - MOODS.indexOf(moodOf(other)) ||
    other.problems - one.problems ||
    other.counts.Error - one.counts.Error ||
    other.counts.Unknown - one.counts.Unknown ||
    Number(one.title === "") - Number(other.title === "") ||
    one.title.localeCompare(other.title) ||
    one.within.localeCompare(other.within)
  );
}

/** The parts of a bar that shows the statuses; what is meant to be empty is a part of its own. */
export function partsOf({ counts, idle }: Pick<Group, "counts" | "idle">): {
  readonly part: Status | "Idle";
  readonly count: number;
}[] {
  const parts = [
    { part: "Error", count: counts.Error },
    { part: "Unknown", count: counts.Unknown },
    { part: "Pending", count: counts.Pending - idle },
    { part: "Idle", count: idle },
    { part: "Ready", count: counts.Ready },
  ] as const;
  return parts.filter(({ count }) => count > 0);
}
