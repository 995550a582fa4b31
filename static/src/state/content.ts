/** What of the cluster the page holds, and what the filter lets through of it. */

import type { Change, Node, ReadonlyGraph } from "@astrolabe/stream";
import { Cluster } from "../cluster/cluster";
import { type Filter, matches, type Sieve } from "../cluster/filter";
import { isIdle } from "../cluster/idle";
import { Index } from "../cluster/index";
import type { FoundNodes } from "./found";

export class Content {
  readonly graph: Cluster;
  #index = new Index();
  /** What the search of the filter finds; null: there is no search. */
  found: FoundNodes | null = null;

  constructor(graph: ReadonlyGraph) {
    this.graph = new Cluster(graph);
  }

  get index(): Index {
    return this.#index;
  }

  /** While a new search is not answered, `found` is what the last one found. */
  sieveOf(filter: Filter): Sieve {
    return { ...filter, found: this.found };
  }

  /** The node with this name, if the page holds it. */
  named(name: string): Node | undefined {
    return this.graph.nodes.get(this.#index.find(name) ?? "");
  }

  /** Those of a kind that the filter lets through; null: those of all kinds that are not ready. */
  nodesOf(filter: Filter, kind: string | null): Node[] {
    const sieve = this.sieveOf(filter);
    const isWanted = (node: Node) =>
      kind === null ? node.status !== "Ready" && !isIdle(node) : node.kind === kind;
    return [...this.graph.nodes.values()].filter((node) => isWanted(node) && matches(sieve, node));
  }

  apply(changes: readonly Change[]): void {
    this.#index.apply(changes);
  }

  /** Another graph, of which nothing is known yet. */
  begin(graph: ReadonlyGraph): void {
    this.#index = new Index();
    this.found = null;
    this.graph.show(graph);
  }
}
