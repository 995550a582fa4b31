/** What the focus of an address is on. */

import type { Cluster } from "../cluster/cluster";
import type { Index } from "../cluster/index";
import type { Subject } from "./answers";
import { stackOf } from "./selection";

/** How a focus on a problem begins, and one on what depends on a card. All others are on why a card is so. */
export const PROBLEM = "problem:";
export const IMPACT = "impact:";

/** Null if nothing is there any more. */
export function subjectOf(graph: Cluster, index: Index, focus: string): Subject | null {
  if (focus.startsWith(PROBLEM)) return { about: "problem", id: focus.slice(PROBLEM.length) };
  const isImpact = focus.startsWith(IMPACT);
  const card = stackOf(graph, index, isImpact ? focus.slice(IMPACT.length) : focus);
  return card === undefined ? null : { about: isImpact ? "impact" : "cause", uids: card.members };
}
