/** Applies messages to a graph and reports what they change. Its twin in Python is `astrolabe.client.graph`. */

import { deepEqual } from "./deep-equal";
import { type EdgeKey, edgeKey, GraphStore } from "./graph-store";
import type { Bookmark, Delta, Edge, GraphMessage, Node, Snapshot } from "./messages";
import { ProtocolError } from "./protocol-error";

/** A place in history. epoch: which history; seq: how far in it. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** `+`: added. `~`: changed. `-`: removed. */
export type Sign = "+" | "~" | "-";

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
export class Graph implements ReadonlyGraph {
  #store = new GraphStore();
  #position: Position | null = null;
  #assembler: SnapshotAssembler | null = new SnapshotAssembler();
  #stale = false;

  get nodes(): ReadonlyMap<string, Node> {
    return this.#store.nodes;
  }

  get edges(): ReadonlyMap<EdgeKey, Edge> {
    return this.#store.edges;
  }

  /** Null before the first complete snapshot. */
  get position(): Position | null {
    return this.#position;
  }

  /** Whether the next message may be a delta; false from a reset until its snapshot is complete. */
  get complete(): boolean {
    return this.#assembler === null;
  }

  outgoing(uid: string): Iterable<Edge> {
    return this.#store.outgoing(uid);
  }

  incoming(uid: string): Iterable<Edge> {
    return this.#store.incoming(uid);
  }

  /** Expect a new snapshot. The graph stays as it is until the snapshot is complete. */
  restart(): void {
    this.#assembler = new SnapshotAssembler();
    this.#stale = true;
  }

  /**
   * For a new connection: the position to resume from, or null when a snapshot is needed.
   *
   * An incomplete snapshot is dropped.
   */
  resume(): Position | null {
    const resumes = this.#position !== null && !this.#stale;
    this.#assembler = resumes ? null : new SnapshotAssembler();
    return resumes ? this.#position : null;
  }

  /**
   * Returns what the message changes. The last part of a snapshot returns how it differs from the graph before.
   *
   * Setting something to the value it has, and removing something that is not there, are no changes. Throws
   * ProtocolError for a message that does not fit and leaves the graph as it was; call `restart` then.
   */
  apply(message: GraphMessage): Change[] {
    switch (message.type) {
      case "delta":
        return this.#delta(message);
      case "snapshot":
        return this.#snapshot(message);
      case "bookmark":
        this.#check(message, Math.min(message.seq, this.#position?.seq ?? 0));
        this.#position = { epoch: message.epoch, seq: message.seq };
        return [];
      case "reset":
        this.#assembler = new SnapshotAssembler();
        return [];
    }
  }

  #check(message: Delta | Bookmark, since: number): void {
    const what = `a ${message.type} of ${message.epoch}:${message.seq} since ${since}`;
    if (this.#assembler !== null) throw new ProtocolError(`${what} before the end of a snapshot`);
    const held = this.#position;
    if (held?.epoch !== message.epoch || held.seq !== since) {
      const where = held === null ? "nothing" : `${held.epoch}:${held.seq}`;
      throw new ProtocolError(`${what}, while ${where} is held`);
    }
  }

  #delta(delta: Delta): Change[] {
    this.#check(delta, delta.from);
    if (delta.seq <= delta.from) throw new ProtocolError(`a delta from ${delta.from} to ${delta.seq}`);
    const changes: Change[] = [];
    try {
      this.#set(delta.nodes.set, delta.edges.set, changes);
      this.#remove(delta.edges.remove, delta.nodes.remove, changes);
    } catch (error) {
      this.#undo(changes);
      throw error;
    }
    this.#position = { epoch: delta.epoch, seq: delta.seq };
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
    if (this.#assembler === null) {
      throw new ProtocolError(`a snapshot of ${part.epoch}:${part.seq} that was not asked for`);
    }
    this.#assembler.add(part);
    if (!part.last) return [];
    const before = this.#store;
    this.#store = this.#assembler.store;
    this.#position = { epoch: part.epoch, seq: part.seq };
    this.#assembler = null;
    this.#stale = false;
    return difference(before, this.#store);
  }
}

/** Collects the parts of a snapshot. */
class SnapshotAssembler {
  readonly store = new GraphStore();
  #part = 0;
  #first: Snapshot | null = null;

  /** Throws ProtocolError unless this is the next part of the same snapshot. */
  add(part: Snapshot): void {
    const first = this.#first ?? part;
    if (part.part !== this.#part + 1 || part.epoch !== first.epoch || part.seq !== first.seq) {
      throw new ProtocolError(
        `part ${part.part} of a snapshot of ${part.epoch}:${part.seq} after ${this.#part} parts`,
      );
    }
    this.#first = first;
    this.#part = part.part;
    for (const node of part.nodes) {
      if (this.store.nodes.has(node.uid)) throw new ProtocolError(`${node.uid} is twice in a snapshot`);
      this.store.setNode(node);
    }
    for (const edge of part.edges) {
      const key = edgeKey(edge);
      if (this.store.edges.has(key)) {
        throw new ProtocolError(`the edge ${edge.type} ${edge.from} ${edge.to} is twice in a snapshot`);
      }
      this.store.setEdge(key, edge);
    }
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
