import { type Edge, Kinds, type Node, type ReadonlyGraph } from "@astrolabe/stream";

/** The graph, with what the server says about kinds. */
export class Cluster implements ReadonlyGraph {
  readonly #graph: ReadonlyGraph;
  kinds: Kinds;

  constructor(graph: ReadonlyGraph, kinds = new Kinds()) {
    this.#graph = graph;
    this.kinds = kinds;
  }

  get nodes(): ReadonlyMap<string, Node> {
    return this.#graph.nodes;
  }

  get edges(): ReadonlyMap<string, Edge> {
    return this.#graph.edges;
  }

  outgoing(uid: string): Iterable<Edge> {
    return this.#graph.outgoing(uid);
  }

  incoming(uid: string): Iterable<Edge> {
    return this.#graph.incoming(uid);
  }
}
