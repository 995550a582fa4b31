/** How far a replica has come, by the rules that all subscriptions share. */

import type { Bookmark, Reset } from "./messages";
import { ProtocolError } from "./protocol-error";

/** A place in history. epoch: which history; seq: how far in it. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** `+`: added. `~`: changed. `-`: removed. */
export type Sign = "+" | "~" | "-";

/** One part of a snapshot; parts count from 1. */
export interface Part extends Position {
  readonly part: number;
  readonly last: boolean;
}

/** A message that leads from one position to a later one. */
export interface Step extends Position {
  readonly type: string;
  readonly from: number;
}

/**
 * What a subscription keeps up to date. Everyone but the client only reads it.
 *
 * `apply` returns what a message changes. Setting something to the value it has, and removing something that is not
 * there, are no changes. It throws ProtocolError for a message that does not fit and leaves everything as it was;
 * call `restart` then.
 */
export interface Replica<Message, Change> {
  /** What to subscribe to. */
  readonly what: "graph" | "problems" | "summary" | "neighbourhood";
  /** The other keys by which a subscription says what it follows. */
  readonly subject?: Readonly<Record<string, unknown>>;
  /** Null before the first complete snapshot. */
  readonly position: Position | null;
  /** Whether the next message may be a delta; false from a reset until its snapshot is complete. */
  readonly complete: boolean;
  /** Whether it takes messages of this type. */
  takes(message: { readonly type: string }): message is Message & { readonly type: string };
  apply(message: Message): Change[];
  /** Expect a new snapshot. Everything stays as it is until the snapshot is complete. */
  restart(): void;
  /**
   * For a new connection: the position to resume from, or null when a snapshot is needed.
   *
   * An incomplete snapshot is dropped.
   */
  resume(): Position | null;
}

export class Progress {
  #position: Position | null = null;
  #isStale = false;
  /** How many parts of a snapshot have come, and its first; null while none is expected. */
  #snapshot: { parts: number; first: Part | null } | null = { parts: 0, first: null };

  get position(): Position | null {
    return this.#position;
  }

  get complete(): boolean {
    return this.#snapshot === null;
  }

  restart(): void {
    this.#expectSnapshot();
    this.#isStale = true;
  }

  resume(): Position | null {
    if (this.#position !== null && !this.#isStale) this.#snapshot = null;
    else this.#expectSnapshot();
    return this.#snapshot === null ? this.#position : null;
  }

  /** A bookmark or a reset. */
  move(message: Bookmark | Reset): void {
    if (message.type === "reset") {
      this.#expectSnapshot();
      return;
    }
    const { epoch, seq } = message;
    this.#check({ ...message, from: Math.min(seq, this.#position?.seq ?? 0) });
    this.#position = { epoch, seq };
  }

  /** Applies a delta. apply: does it, or throws and leaves everything as it was. */
  step<T>(delta: Step, apply: () => T): T {
    this.#check(delta);
    if (delta.seq <= delta.from) throw new ProtocolError(`a delta from ${delta.from} to ${delta.seq}`);
    const changes = apply();
    this.#position = { epoch: delta.epoch, seq: delta.seq };
    return changes;
  }

  /** Throws ProtocolError unless this is the next part of the snapshot that is expected. */
  checkPart(part: Part): void {
    if (this.#snapshot === null) {
      throw new ProtocolError(`a snapshot of ${part.epoch}:${part.seq} that was not asked for`);
    }
    const { parts } = this.#snapshot;
    const first = this.#snapshot.first ?? part;
    if (part.part !== parts + 1 || part.epoch !== first.epoch || part.seq !== first.seq) {
      throw new ProtocolError(
        `part ${part.part} of a snapshot of ${part.epoch}:${part.seq} after ${parts} parts`,
      );
    }
    this.#snapshot = { parts: part.part, first };
  }

  /** The snapshot with this last part is complete. */
  finish({ epoch, seq }: Part): void {
    this.#position = { epoch, seq };
    this.#snapshot = null;
    this.#isStale = false;
  }

  #expectSnapshot(): void {
    this.#snapshot = { parts: 0, first: null };
  }

  #check({ type, epoch, seq, from }: Step): void {
    const what = `a ${type} of ${epoch}:${seq} since ${from}`;
    if (this.#snapshot !== null) throw new ProtocolError(`${what} before the end of a snapshot`);
    const held = this.#position;
    if (held?.epoch !== epoch || held.seq !== from) {
      const where = held === null ? "nothing" : `${held.epoch}:${held.seq}`;
      throw new ProtocolError(`${what}, while ${where} is held`);
    }
  }
}
