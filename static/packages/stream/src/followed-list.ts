/** A list of entries by id that follows its messages: what problems and summaries have in common. */

import { deepEqual } from "./deep-equal";
import type { Bookmark, Reset } from "./messages";
import { type Part, type Position, Progress, type Sign, type Step } from "./progress";
import { ProtocolError } from "./protocol-error";

/** remove: ids. */
interface Edits<Entry> {
  readonly set: readonly Entry[];
  readonly remove: readonly string[];
}

/** It survives connections and resets. Its position is one of this list, which no other server knows. */
export abstract class FollowedList<Entry extends { readonly id: string }, Change> {
  #entries = new Map<string, Entry>();
  /** What the parts of an incomplete snapshot make. */
  #staged = new Map<string, Entry>();
  readonly #progress = new Progress();

  /** By id, in no order that means something. */
  get byId(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  get position(): Position | null {
    return this.#progress.position;
  }

  get complete(): boolean {
    return this.#progress.complete;
  }

  restart(): void {
    this.#progress.restart();
  }

  resume(): Position | null {
    return this.#progress.resume();
  }

  /** entry: as it is now; of a removed one, as it was last. before: as it was; absent when added. */
  protected abstract changeOf(sign: Sign, entry: Entry, before?: Entry): Change;

  /** The last part returns how the snapshot differs from what was held. */
  protected snapshot(part: Part, entries: readonly Entry[]): Change[] {
    this.#progress.checkPart(part);
    if (part.part === 1) this.#staged = new Map();
    for (const entry of entries) {
      if (this.#staged.has(entry.id)) throw new ProtocolError(`${entry.id} is twice in a snapshot`);
      this.#staged.set(entry.id, entry);
    }
    if (!part.last) return [];
    const before = this.#entries;
    this.#entries = this.#staged;
    this.#staged = new Map();
    this.#progress.finish(part);
    return this.#difference(before);
  }

  protected delta(step: Step, { set, remove }: Edits<Entry>): Change[] {
    return this.#progress.step(step, () => {
      const changes: Change[] = [];
      for (const entry of set) {
        const before = this.#entries.get(entry.id);
        if (deepEqual(before, entry)) continue;
        this.#entries.set(entry.id, entry);
        changes.push(this.#setTo(entry, before));
      }
      for (const id of remove) {
        const before = this.#entries.get(id);
        if (before === undefined) continue;
        this.#entries.delete(id);
        changes.push(this.changeOf("-", before, before));
      }
      return changes;
    });
  }

  protected move(message: Bookmark | Reset): Change[] {
    this.#progress.move(message);
    return [];
  }

  #difference(old: ReadonlyMap<string, Entry>): Change[] {
    const changes: Change[] = [];
    for (const [id, entry] of this.#entries) {
      const before = old.get(id);
      if (!deepEqual(before, entry)) changes.push(this.#setTo(entry, before));
    }
    for (const [id, before] of old) {
      if (!this.#entries.has(id)) changes.push(this.changeOf("-", before, before));
    }
    return changes;
  }

  #setTo(entry: Entry, before: Entry | undefined): Change {
    return before === undefined ? this.changeOf("+", entry) : this.changeOf("~", entry, before);
  }
}
