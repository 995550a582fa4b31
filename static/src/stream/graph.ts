/** The reducer: messages in, the filtered graph and what changed of it out. Its twin is `astrolabe.client.graph`. */

import { same } from "./equality";
import { ProtocolError } from "./errors";
import { type EdgeKey, Holding, keyOf } from "./holding";
import type { Bookmark, Delta, Edge, GraphMessage, Node, Snapshot } from "./message";

/** A place in history: which one, and how far. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** `+`: new. `~`: different. `-`: gone, and it is what was known last. */
export type Sign = "+" | "~" | "-";

/** before: what was held until now; absent when new. */
export type Change =
  | { readonly sign: Sign; readonly node: Node; readonly before?: Node }
  | { readonly sign: Sign; readonly edge: Edge; readonly before?: Edge };

/** The graph as those see it who do not feed it. */
export interface ReadonlyGraph {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: ReadonlyMap<EdgeKey, Edge>;
  out(uid: string): Iterable<Edge>;
  into(uid: string): Iterable<Edge>;
}

/**
 * Apply the messages of one subscription in order, over as many connections as there are.
 *
 * A delta costs its own size; only a snapshot costs the size of the graph. A node or edge itself is never
 * changed, only replaced.
 */
export class Graph implements ReadonlyGraph {
  #held = new Holding();
  #position: Position | null = null;
  #staged: Staged | null = new Staged();
  #stale = false;

  get nodes(): ReadonlyMap<string, Node> {
    return this.#held.nodes;
  }

  get edges(): ReadonlyMap<EdgeKey, Edge> {
    return this.#held.edges;
  }

  /** Where in history this is; null before the first complete snapshot. */
  get position(): Position | null {
    return this.#position;
  }

  /** Whether the next message may be a delta; false from a reset to the end of its snapshot. */
  get complete(): boolean {
    return this.#staged === null;
  }

  out(uid: string): Iterable<Edge> {
    return this.#held.out(uid);
  }

  into(uid: string): Iterable<Edge> {
    return this.#held.into(uid);
  }

  /** Nothing but a snapshot is to come next; what is held stays until it is complete. */
  restart(): void {
    this.#staged = new Staged();
    this.#stale = true;
  }

  /**
   * On a new connection: the position to resume from, or null when a snapshot is needed.
   *
   * What came of a snapshot that was cut off is dropped.
   */
  resume(): Position | null {
    const resumes = this.#position !== null && !this.#stale;
    this.#staged = resumes ? null : new Staged();
    return resumes ? this.#position : null;
  }

  /**
   * What the message changes; a snapshot: what differs from what was held, when its last part comes.
   *
   * What is set to what it is, and what is removed that was not held, has not changed. Throws
   * ProtocolError for a message that does not fit, after which `restart` is due.
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
        this.#staged = new Staged();
        return [];
    }
  }

  #check(message: Delta | Bookmark, since: number): void {
    const what = `a ${message.type} of ${message.epoch}:${message.seq} since ${since}`;
    if (this.#staged !== null) throw new ProtocolError(`${what} before the end of a snapshot`);
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
      const before = this.#held.nodes.get(node.uid);
      if (same(before, node)) continue;
      this.#held.setNode(node);
      changes.push(before === undefined ? { sign: "+", node } : { sign: "~", node, before });
    }
    for (const edge of edges) {
      const key = keyOf(edge);
      const before = this.#held.edges.get(key);
      if (same(before, edge)) continue;
      this.#held.setEdge(key, edge);
      changes.push(before === undefined ? { sign: "+", edge } : { sign: "~", edge, before });
    }
  }

  #remove(edges: readonly Edge[], uids: readonly string[], changes: Change[]): void {
    for (const name of edges) {
      const key = keyOf(name);
      const edge = this.#held.edges.get(key);
      if (edge === undefined) continue;
      this.#held.removeEdge(key);
      changes.push({ sign: "-", edge, before: edge });
    }
    for (const uid of uids) {
      const node = this.#held.nodes.get(uid);
      if (node === undefined) continue;
      this.#held.removeNode(uid);
      changes.push({ sign: "-", node, before: node });
    }
  }

  #undo(changes: readonly Change[]): void {
    for (const change of changes.toReversed()) {
      if ("node" in change) {
        if (change.before === undefined) this.#held.removeNode(change.node.uid);
        else this.#held.setNode(change.before);
      } else if (change.before === undefined) this.#held.removeEdge(keyOf(change.edge));
      else this.#held.setEdge(keyOf(change.edge), change.before);
    }
  }

  #snapshot(part: Snapshot): Change[] {
    if (this.#staged === null) {
      throw new ProtocolError(`a snapshot of ${part.epoch}:${part.seq} that was not asked for`);
    }
    this.#staged.add(part);
    if (!part.last) return [];
    const before = this.#held;
    this.#held = this.#staged.holding;
    this.#position = { epoch: part.epoch, seq: part.seq };
    this.#staged = null;
    this.#stale = false;
    return difference(before, this.#held);
  }
}

/** A snapshot of which not all parts are there. */
class Staged {
  readonly holding = new Holding();
  #part = 0;
  #first: Snapshot | null = null;

  /** Throws ProtocolError for another than the next part of the same snapshot. */
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
      if (this.holding.nodes.has(node.uid)) throw new ProtocolError(`${node.uid} is twice in a snapshot`);
      this.holding.setNode(node);
    }
    for (const edge of part.edges) {
      const key = keyOf(edge);
      if (this.holding.edges.has(key)) {
        throw new ProtocolError(`the edge ${edge.type} ${edge.from} ${edge.to} is twice in a snapshot`);
      }
      this.holding.setEdge(key, edge);
    }
  }
}

/** What leads from one to the other, in the order in which a delta is applied. */
function difference(old: Holding, held: Holding): Change[] {
  const changes: Change[] = [];
  for (const node of held.nodes.values()) {
    const before = old.nodes.get(node.uid);
    if (before === undefined) changes.push({ sign: "+", node });
    else if (!same(before, node)) changes.push({ sign: "~", node, before });
  }
  for (const [key, edge] of held.edges) {
    const before = old.edges.get(key);
    if (before === undefined) changes.push({ sign: "+", edge });
    else if (!same(before, edge)) changes.push({ sign: "~", edge, before });
  }
  for (const [key, edge] of old.edges) {
    if (!held.edges.has(key)) changes.push({ sign: "-", edge, before: edge });
  }
  for (const node of old.nodes.values()) {
    if (!held.nodes.has(node.uid)) changes.push({ sign: "-", node, before: node });
  }
  return changes;
}
