import { Edge, Node, ProtocolError } from './message';

/** What an edge is. */
export function keyOf(edge: Omit<Edge, 'field'>): string {
  return `${edge.type} ${edge.from} ${edge.to}`;
}

/** Nodes by uid, and edges of which both ends are there. */
export class Holding {
  readonly nodes = new Map<string, Node>();
  readonly edges = new Map<string, Edge>();
  /** How many edges there are of a node, while there are any. */
  private readonly degrees = new Map<string, number>();

  setNode(node: Node): void {
    if (typeof node.uid !== 'string') {
      throw new ProtocolError('a node without a uid');
    }
    this.nodes.set(node.uid, node);
  }

  setEdge(edge: Edge): void {
    const key = keyOf(edge);
    for (const end of [edge.from, edge.to]) {
      if (!this.nodes.has(end)) {
        throw new ProtocolError(`the edge ${key} without ${end}`);
      }
    }
    if (!this.edges.has(key)) {
      this.count(edge, 1);
    }
    this.edges.set(key, edge);
  }

  /** Without effect when it is not there. */
  removeEdge(edge: Omit<Edge, 'field'>): void {
    if (this.edges.delete(keyOf(edge))) {
      this.count(edge, -1);
    }
  }

  /** Without effect when it is not there. */
  removeNode(uid: string): void {
    if (this.degrees.has(uid)) {
      throw new ProtocolError(`${uid} is removed while there are edges of it`);
    }
    this.nodes.delete(uid);
  }

  private count(edge: Omit<Edge, 'field'>, step: number): void {
    for (const end of [edge.from, edge.to]) {
      const degree = (this.degrees.get(end) ?? 0) + step;
      if (degree > 0) {
        this.degrees.set(end, degree);
      } else {
        this.degrees.delete(end);
      }
    }
  }
}
