import { type Edge, type EdgeType, Kinds, type Node, type ReadonlyGraph } from "@astrolabe/stream";

/** The graph, with what the server says about kinds and edge types. */
export class Cluster implements ReadonlyGraph {
  #graph: ReadonlyGraph;
  kinds: Kinds;
  edgeTypes: readonly EdgeType[] = [];

  constructor(graph: ReadonlyGraph, kinds = new Kinds()) {
    this.#graph = graph;
    this.kinds = kinds;
  }

  /** Another graph is shown from now on, with the same kinds. */
  show(graph: ReadonlyGraph): void {
    this.#graph = graph;
  }

  /** The types of edges that are not drawn until somebody asks for them. */
  get hiddenAtFirst(): ReadonlySet<string> {
    return new Set(this.edgeTypes.filter(({ hidden }) => hidden).map(({ type }) => type));
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
