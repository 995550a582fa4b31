import { isEqual } from 'lodash';
import { Holding, keyOf } from './holding';
import { Bookmark, Delta, Edge, Node, Position, ProtocolError, Reset, Snapshot } from './message';

/** What a message changed of one node; `after` is missing when it is gone, `before` when it is new. */
export interface NodeChange {
  before?: Node;
  after?: Node;
}

/**
 * The graph as a client of the stream holds it. It is at every moment one state that the server's filtered graph has
 * been in: a message that does not fit is not applied but throws a ProtocolError, after which `restart` is due.
 */
export class Graph {
  private held = new Holding();
  private staged: Staged | null = new Staged();
  private at: Position | null = null;
  private stale = false;

  /** By uid. Ask again after every message: a snapshot exchanges it. */
  get nodes(): ReadonlyMap<string, Node> {
    return this.held.nodes;
  }

  get edges(): ReadonlyMap<string, Edge> {
    return this.held.edges;
  }

  /** Where in history this is; null before the first complete snapshot. */
  get position(): Position | null {
    return this.at;
  }

  /** Whether the next message may be a delta. */
  get complete(): boolean {
    return this.staged === null;
  }

  /** Nothing but a snapshot is to come next; what is held stays until it is complete. */
  restart(): void {
    this.staged = new Staged();
    this.stale = true;
  }

  /** On a new connection: where to resume from, or null when a snapshot is needed. */
  resume(): Position | null {
    const resumes = this.at !== null && !this.stale;
    this.staged = resumes ? null : new Staged();
    return resumes ? this.at : null;
  }

  /** What the message changes of the nodes; a snapshot: what differs from before, with its last part. */
  apply(message: Snapshot | Delta | Bookmark | Reset): NodeChange[] {
    switch (message.type) {
      case 'snapshot':
        return this.take(message);
      case 'delta':
        return this.step(message);
      case 'bookmark':
        this.check(message, Math.min(message.seq, this.at?.seq ?? 0));
        this.at = { epoch: message.epoch, seq: message.seq };
        return [];
      case 'reset':
        this.staged = new Staged();
        return [];
    }
  }

  private check(message: Delta | Bookmark, since: number): void {
    if (this.staged !== null) {
      throw new ProtocolError(`a ${message.type} before the end of a snapshot`);
    }
    if (this.at?.epoch !== message.epoch || this.at.seq !== since) {
      const held = this.at ? `${this.at.epoch}:${this.at.seq}` : 'nothing';
      throw new ProtocolError(`a ${message.type} of ${message.epoch}:${message.seq} since ${since} on ${held}`);
    }
  }

  private step(delta: Delta): NodeChange[] {
    this.check(delta, delta.from);
    if (delta.seq <= delta.from) {
      throw new ProtocolError(`a delta from ${delta.from} to ${delta.seq}`);
    }
    const undo: Array<() => void> = [];
    try {
      const changes = this.change(delta, undo);
      this.at = { epoch: delta.epoch, seq: delta.seq };
      return changes;
    } catch (error) {
      undo.reverse().forEach((step) => step());
      throw error;
    }
  }

  /** `undo`: how to take back what was done, in the order in which it was. */
  private change(delta: Delta, undo: Array<() => void>): NodeChange[] {
    const { held } = this;
    const changes: NodeChange[] = [];
    for (const node of delta.nodes.set) {
      const before = held.nodes.get(node.uid);
      if (before === undefined || !isEqual(before, node)) {
        held.setNode(node);
        undo.push(() => (before ? held.setNode(before) : held.removeNode(node.uid)));
        changes.push({ before, after: node });
      }
    }
    for (const edge of delta.edges.set) {
      const before = held.edges.get(keyOf(edge));
      held.setEdge(edge);
      undo.push(() => (before ? held.setEdge(before) : held.removeEdge(edge)));
    }
    for (const edge of delta.edges.remove) {
      const before = held.edges.get(keyOf(edge));
      held.removeEdge(edge);
      undo.push(() => before && held.setEdge(before));
    }
    for (const uid of delta.nodes.remove) {
      const before = held.nodes.get(uid);
      if (before !== undefined) {
        held.removeNode(uid);
        undo.push(() => held.setNode(before));
        changes.push({ before });
      }
    }
    return changes;
  }

  private take(part: Snapshot): NodeChange[] {
    if (this.staged === null) {
      throw new ProtocolError('a snapshot that was not asked for');
    }
    this.staged.add(part);
    if (!part.last) {
      return [];
    }
    const before = this.held.nodes;
    this.held = this.staged.holding;
    this.at = { epoch: part.epoch, seq: part.seq };
    this.staged = null;
    this.stale = false;
    return difference(before, this.held.nodes);
  }
}

/** A snapshot of which not all parts are there. */
class Staged {
  readonly holding = new Holding();
  private part = 0;
  private position = '';

  add(part: Snapshot): void {
    const position = `${part.epoch}:${part.seq}`;
    if (part.part !== this.part + 1 || (this.part > 0 && this.position !== position)) {
      throw new ProtocolError(`part ${part.part} of a snapshot of ${position} after ${this.part} parts`);
    }
    this.part = part.part;
    this.position = position;
    for (const node of part.nodes) {
      if (this.holding.nodes.has(node.uid)) {
        throw new ProtocolError(`${node.uid} is twice in a snapshot`);
      }
      this.holding.setNode(node);
    }
    for (const edge of part.edges) {
      if (this.holding.edges.has(keyOf(edge))) {
        throw new ProtocolError(`the edge ${keyOf(edge)} is twice in a snapshot`);
      }
      this.holding.setEdge(edge);
    }
  }
}

function difference(old: ReadonlyMap<string, Node>, now: ReadonlyMap<string, Node>): NodeChange[] {
  const changes: NodeChange[] = [];
  now.forEach((after, uid) => {
    const before = old.get(uid);
    if (before === undefined || !isEqual(before, after)) {
      changes.push({ before, after });
    }
  });
  old.forEach((before, uid) => {
    if (!now.has(uid)) {
      changes.push({ before });
    }
  });
  return changes;
}
