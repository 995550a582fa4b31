/** The focus in an address. */

import type { Cluster } from "../cluster/cluster";
import type { Index } from "../cluster/index";
import type { Subject } from "./answers";
import { stackOf } from "./selection";

/**
 * How a focus on a problem begins, and one on what depends on something. All others are on why something is so. What
 * it is stands behind it: the name of a resource, which may be one of a stack, or the id of a card.
 */
export const PROBLEM = "problem:";
export const IMPACT = "impact:";

/** Null if nothing is there any more. */
export function subjectOf(graph: Cluster, index: Index, focus: string): Subject | null {
  if (focus.startsWith(PROBLEM)) return { about: "problem", id: focus.slice(PROBLEM.length) };
  const isImpact = focus.startsWith(IMPACT);
  const text = isImpact ? focus.slice(IMPACT.length) : focus;
  const uid = index.find(text);
  const uids = uid === undefined ? stackOf(graph, index, text)?.members : [uid];
  return uids === undefined ? null : { about: isImpact ? "impact" : "cause", uids };
}
