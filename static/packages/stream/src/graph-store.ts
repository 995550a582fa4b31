import type { Edge, Node } from "./messages";
import { ProtocolError } from "./protocol-error";

/** Identifies an edge: its type, the uid of its source and the uid of its target. */
export type EdgeKey = string;

export const edgeKey = (edge: Edge): EdgeKey => `${edge.type}\u0000${edge.from}\u0000${edge.to}`;

const NONE: ReadonlyMap<EdgeKey, Edge> = new Map();

/** Nodes, and edges between them. Each operation takes time proportional to the degree of its node at most. */
export class GraphStore {
  readonly nodes = new Map<string, Node>();
  readonly edges = new Map<EdgeKey, Edge>();
  /** By uid, for nodes that have such edges. */
  readonly #outgoing = new Map<string, Map<EdgeKey, Edge>>();
  readonly #incoming = new Map<string, Map<EdgeKey, Edge>>();

  /** The edges from this node. */
  outgoing(uid: string): Iterable<Edge> {
    return (this.#outgoing.get(uid) ?? NONE).values();
  }

  /** The edges to this node. */
  incoming(uid: string): Iterable<Edge> {
    return (this.#incoming.get(uid) ?? NONE).values();
  }

  setNode(node: Node): void {
    this.nodes.set(node.uid, node);
  }

  /** Throws ProtocolError when one of its ends is missing. */
  setEdge(key: EdgeKey, edge: Edge): void {
    for (const end of [edge.from, edge.to]) {
      if (!this.nodes.has(end)) {
        throw new ProtocolError(`an edge ${edge.type} between ${edge.from} and ${edge.to}, without ${end}`);
      }
    }
    this.edges.set(key, edge);
    add(this.#outgoing, edge.from, key, edge);
    add(this.#incoming, edge.to, key, edge);
  }

  removeEdge(key: EdgeKey): void {
    const edge = this.edges.get(key);
    if (edge === undefined) return;
    this.edges.delete(key);
    drop(this.#outgoing, edge.from, key);
    drop(this.#incoming, edge.to, key);
  }

  /** Throws ProtocolError when the node has edges. */
  removeNode(uid: string): void {
    if (this.#outgoing.has(uid) || this.#incoming.has(uid)) {
      throw new ProtocolError(`${uid} is removed while there are edges of it`);
    }
    this.nodes.delete(uid);
  }
}

function add(index: Map<string, Map<EdgeKey, Edge>>, end: string, key: EdgeKey, edge: Edge): void {
  const edges = index.get(end);
  if (edges === undefined) index.set(end, new Map([[key, edge]]));
  else edges.set(key, edge);
}

function drop(index: Map<string, Map<EdgeKey, Edge>>, end: string, key: EdgeKey): void {
  const edges = index.get(end);
  edges?.delete(key);
  if (edges?.size === 0) index.delete(end);
}
