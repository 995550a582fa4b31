/** What is around some nodes: a graph, and what has no room in it. */

import { type Change, Graph } from "./graph";
import type { GraphMessage, KindBeyond } from "./messages";

/**
 * depth: how many edges away a node may be; 2 by default. types: of these edges; all by default. limit: the number of
 * nodes; 500 by default.
 */
export interface NeighbourhoodQuery {
  readonly focus: readonly string[];
  readonly depth?: number;
  readonly types?: readonly string[];
  readonly limit?: number;
}

/** Its position is one of this subscription, which no other server knows. */
export class Neighbourhood extends Graph {
  override readonly what = "neighbourhood";
  subject: NeighbourhoodQuery & Readonly<Record<string, unknown>>;
  #beyond: readonly KindBeyond[] = [];

  constructor(query: NeighbourhoodQuery) {
    super();
    this.subject = { ...query };
  }

  /** The nodes that are near enough and have no room, by kind. */
  get beyond(): readonly KindBeyond[] {
    return this.#beyond;
  }

  override apply(message: GraphMessage): Change[] {
    const changes = super.apply(message);
    if (this.complete && (message.type === "snapshot" || message.type === "delta")) {
      this.#beyond = message.beyond ?? [];
    }
    return changes;
  }
}
