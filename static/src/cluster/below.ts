/**
 * What those use and lack that a workload owns.
 *
 * A workload asks for what its template names, its Pods use it. Where both are drawn, one line says it: that of the
 * Pods. The workload's is drawn where there are none: at zero, between two runs of a CronJob.
 */

import type { Edge, Node, ReadonlyGraph, Unresolved } from "@astrolabe/stream";
import { nameOf } from "./names";

export class Below {
  readonly #graph: ReadonlyGraph;
  readonly #isDrawn: (uid: string) => boolean;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(graph: ReadonlyGraph, isDrawn: (uid: string) => boolean) {
    this.#graph = graph;
    this.#isDrawn = isDrawn;
  }

  /** Whether something below the source of the edge has the same edge. */
  uses(edge: Edge): boolean {
    return edge.type !== "owns" && this.#of(edge.from).has(`${edge.type} ${edge.to}`);
  }

  /** Whether something below the node lacks the same. */
  lacks(node: Node, reference: Unresolved): boolean {
    return this.#of(node.uid).has(`${reference.type} ${nameOf(reference)}`);
  }

  #of(uid: string): ReadonlySet<string> {
    const known = this.#known.get(uid);
    if (known !== undefined) return known;
    const found = new Set<string>();
    this.#known.set(uid, found);
    const seen = new Set([uid]);
    const queue = this.#ownedBy(uid);
    for (let owned = queue.pop(); owned !== undefined; owned = queue.pop()) {
      if (seen.has(owned)) continue;
      seen.add(owned);
      queue.push(...this.#ownedBy(owned));
      if (!this.#isDrawn(owned)) continue;
      for (const { type, to } of this.#graph.outgoing(owned)) found.add(`${type} ${to}`);
      for (const each of this.#graph.nodes.get(owned)?.unresolved ?? [])
        found.add(`${each.type} ${nameOf(each)}`);
    }
    return found;
  }

  #ownedBy(uid: string): string[] {
    const owned: string[] = [];
    for (const { type, to } of this.#graph.outgoing(uid)) if (type === "owns") owned.push(to);
    return owned;
  }
}
