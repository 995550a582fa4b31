/** How much detail a map has: single resources where there is room, otherwise groups of them. */

import type { Cluster } from "../cluster/cluster";
import { matches, type Sieve } from "../cluster/filter";
import { type GroupId, groupOf, type Index } from "../cluster/index";
import type { Dimension } from "./group";

/** With more releases than this, cards of releases are too small for their names. */
const RELEASES_DRAWN = 40;
/** More namespaces than this, in several clusters, are too many to begin with. */
const NAMESPACES_AT_ONCE = 60;

/** How many different ones there are of what is shown. */
export interface Extent {
  readonly clusters: number;
  readonly namespaces: number;
  readonly releases: number;
}

/** Null: each release can be drawn. */
export function levelOf({ clusters, namespaces, releases }: Extent): Dimension | null {
  if (releases <= RELEASES_DRAWN) return null;
  if (clusters > 1 && namespaces > NAMESPACES_AT_ONCE) return "cluster";
  return namespaces > 1 ? "namespace" : "release";
}

/** groups: the ids of those of which something is shown. */
export function extentOf(index: Index, groups: Iterable<string>): Extent {
  const clusters = new Set<string>();
  const namespaces = new Set<string>();
  let releases = 0;
  for (const id of groups) {
    const group = index.groups.get(id);
    if (group === undefined) continue;
    clusters.add(group.cluster);
    namespaces.add(`${group.cluster}@${group.namespace}`);
    releases += 1;
  }
  return { clusters: clusters.size, namespaces: namespaces.size, releases };
}

/** The ids of the groups of which the filter lets something through. */
export function groupsShown(graph: Cluster, sieve: Sieve): Set<GroupId> {
  const ids = new Set<GroupId>();
  for (const node of graph.nodes.values()) if (matches(sieve, node)) ids.add(groupOf(node));
  return ids;
}
