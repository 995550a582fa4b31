import { ProtocolError } from "./errors";
import type { Edge, Node } from "./message";

/** What an edge is, as one text: its type, the uid of its source, the uid of its target. */
export type EdgeKey = string;

export const keyOf = (edge: Edge): EdgeKey => `${edge.type}\u0000${edge.from}\u0000${edge.to}`;

const NONE: ReadonlyMap<EdgeKey, Edge> = new Map();

/**
 * Nodes, and edges of which both ends are there.
 *
 * Each operation costs at most the degree of what it is about.
 */
export class Holding {
  readonly nodes = new Map<string, Node>();
  readonly edges = new Map<EdgeKey, Edge>();
  /** Only of nodes that have some. */
  readonly #out = new Map<string, Map<EdgeKey, Edge>>();
  readonly #into = new Map<string, Map<EdgeKey, Edge>>();

  /** The edges from this node. */
  out(uid: string): Iterable<Edge> {
    return (this.#out.get(uid) ?? NONE).values();
  }

  /** The edges to this node. */
  into(uid: string): Iterable<Edge> {
    return (this.#into.get(uid) ?? NONE).values();
  }

  setNode(node: Node): void {
    this.nodes.set(node.uid, node);
  }

  /** Throws ProtocolError when an end is not there. */
  setEdge(key: EdgeKey, edge: Edge): void {
    for (const end of [edge.from, edge.to]) {
      if (!this.nodes.has(end)) {
        throw new ProtocolError(`an edge ${edge.type} between ${edge.from} and ${edge.to}, without ${end}`);
      }
    }
    this.edges.set(key, edge);
    add(this.#out, edge.from, key, edge);
    add(this.#into, edge.to, key, edge);
  }

  removeEdge(key: EdgeKey): void {
    const edge = this.edges.get(key);
    if (edge === undefined) return;
    this.edges.delete(key);
    drop(this.#out, edge.from, key);
    drop(this.#into, edge.to, key);
  }

  /** Throws ProtocolError when there are edges of it. */
  removeNode(uid: string): void {
    if (this.#out.has(uid) || this.#into.has(uid)) {
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
