/** Applies messages to a graph and reports what they change. Its twin in Python is `astrolabe.client.graph`. */

import { deepEqual } from "./deep-equal";
import { type EdgeKey, edgeKey, GraphStore } from "./graph-store";
import type { Delta, Edge, GraphMessage, Node, Snapshot } from "./messages";
import { type Position, Progress, type Replica, type Sign } from "./progress";
import { ProtocolError } from "./protocol-error";

/** node, edge: as it is now; of a removed one, as it was last. before: as it was; absent when added. */
export type Change =
  | { readonly sign: Sign; readonly node: Node; readonly before?: Node }
  | { readonly sign: Sign; readonly edge: Edge; readonly before?: Edge };

/** The graph for everyone but the client that updates it. */
export interface ReadonlyGraph {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: ReadonlyMap<EdgeKey, Edge>;
  outgoing(uid: string): Iterable<Edge>;
  incoming(uid: string): Iterable<Edge>;
}

/**
 * The graph of one subscription, over as many connections as there are.
 *
 * Applying a delta takes time proportional to the delta; only a snapshot takes time proportional to the graph.
 * Nodes and edges are never modified, only replaced.
 */
export class Graph implements ReadonlyGraph, Replica<GraphMessage, Change> {
  readonly what: "graph" | "neighbourhood" = "graph";
  #store = new GraphStore();
  /** What the parts of an incomplete snapshot make. */
  #staged = new GraphStore();
  readonly #progress = new Progress();

  get nodes(): ReadonlyMap<string, Node> {
    return this.#store.nodes;
  }

  get edges(): ReadonlyMap<EdgeKey, Edge> {
    return this.#store.edges;
  }

  get position(): Position | null {
    return this.#progress.position;
  }

  get complete(): boolean {
    return this.#progress.complete;
  }

  outgoing(uid: string): Iterable<Edge> {
    return this.#store.outgoing(uid);
  }

  incoming(uid: string): Iterable<Edge> {
    return this.#store.incoming(uid);
  }

  restart(): void {
    this.#progress.restart();
  }

  resume(): Position | null {
    return this.#progress.resume();
  }

  takes(message: { readonly type: string }): message is GraphMessage {
    return TYPES.has(message.type);
  }

  /** The last part of a snapshot returns how it differs from the graph before. */
  apply(message: GraphMessage): Change[] {
    switch (message.type) {
      case "delta":
        return this.#progress.step(message, () => this.#delta(message));
      case "snapshot":
        return this.#snapshot(message);
      default:
        this.#progress.move(message);
        return [];
    }
  }

  #delta(delta: Delta): Change[] {
    const changes: Change[] = [];
    try {
      this.#set(delta.nodes.set, delta.edges.set, changes);
      this.#remove(delta.edges.remove, delta.nodes.remove, changes);
    } catch (error) {
      this.#undo(changes);
      throw error;
    }
    return changes;
  }

  #set(nodes: readonly Node[], edges: readonly Edge[], changes: Change[]): void {
    for (const node of nodes) {
      const before = this.#store.nodes.get(node.uid);
      if (deepEqual(before, node)) continue;
      this.#store.setNode(node);
      changes.push(before === undefined ? { sign: "+", node } : { sign: "~", node, before });
    }
    for (const edge of edges) {
      const key = edgeKey(edge);
      const before = this.#store.edges.get(key);
      if (deepEqual(before, edge)) continue;
      this.#store.setEdge(key, edge);
      changes.push(before === undefined ? { sign: "+", edge } : { sign: "~", edge, before });
    }
  }

  #remove(edges: readonly Edge[], uids: readonly string[], changes: Change[]): void {
    for (const name of edges) {
      const key = edgeKey(name);
      const edge = this.#store.edges.get(key);
      if (edge === undefined) continue;
      this.#store.removeEdge(key);
      changes.push({ sign: "-", edge, before: edge });
    }
    for (const uid of uids) {
      const node = this.#store.nodes.get(uid);
      if (node === undefined) continue;
      this.#store.removeNode(uid);
      changes.push({ sign: "-", node, before: node });
    }
  }

  #undo(changes: readonly Change[]): void {
    for (const change of [...changes].reverse()) {
      if ("node" in change) {
        if (change.before === undefined) this.#store.removeNode(change.node.uid);
        else this.#store.setNode(change.before);
      } else if (change.before === undefined) this.#store.removeEdge(edgeKey(change.edge));
      else this.#store.setEdge(edgeKey(change.edge), change.before);
    }
  }

  #snapshot(part: Snapshot): Change[] {
    this.#progress.checkPart(part);
    if (part.part === 1) this.#staged = new GraphStore();
    stage(this.#staged, part);
    if (!part.last) return [];
    const before = this.#store;
    this.#store = this.#staged;
    this.#staged = new GraphStore();
    this.#progress.finish(part);
    return difference(before, this.#store);
  }
}

const TYPES = new Set(["snapshot", "delta", "bookmark", "reset"]);

function stage(store: GraphStore, part: Snapshot): void {
  for (const node of part.nodes) {
    if (store.nodes.has(node.uid)) throw new ProtocolError(`${node.uid} is twice in a snapshot`);
    store.setNode(node);
  }
  for (const edge of part.edges) {
    const key = edgeKey(edge);
    if (store.edges.has(key)) {
      throw new ProtocolError(`the edge ${edge.type} ${edge.from} ${edge.to} is twice in a snapshot`);
    }
    store.setEdge(key, edge);
  }
}

/** The changes that lead from one to the other, in the order in which a delta is applied. */
function difference(old: GraphStore, now: GraphStore): Change[] {
  const changes: Change[] = [];
  for (const node of now.nodes.values()) {
    const before = old.nodes.get(node.uid);
    if (before === undefined) changes.push({ sign: "+", node });
    else if (!deepEqual(before, node)) changes.push({ sign: "~", node, before });
  }
  for (const [key, edge] of now.edges) {
    const before = old.edges.get(key);
    if (before === undefined) changes.push({ sign: "+", edge });
    else if (!deepEqual(before, edge)) changes.push({ sign: "~", edge, before });
  }
  for (const [key, edge] of old.edges) {
    if (!now.edges.has(key)) changes.push({ sign: "-", edge, before: edge });
  }
  for (const node of old.nodes.values()) {
    if (!now.nodes.has(node.uid)) changes.push({ sign: "-", node, before: node });
  }
  return changes;
}
