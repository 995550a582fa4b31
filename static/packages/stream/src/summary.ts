/** The groups of one summary, and how each message changes them. */

import { deepEqual } from "./deep-equal";
import type { SummaryDelta, SummaryGroup, SummaryMessage, SummaryPart } from "./messages";
import { type Position, Progress, type Replica, type Sign } from "./progress";
import { ProtocolError } from "./protocol-error";

/** group: as it is now; of a removed one, as it was last. before: as it was; absent when added. */
export interface GroupChange {
  readonly sign: Sign;
  readonly group: SummaryGroup;
  readonly before?: SummaryGroup;
}

const TYPES = new Set(["summary", "summary-delta", "bookmark", "reset"]);

/** What resources are grouped by. */
export type Dimension = "cluster" | "namespace" | "release" | "kind" | "node" | "owner";

/** It survives connections and resets. Its position is one of this list, which no other server knows. */
export class Summary implements Replica<SummaryMessage, GroupChange> {
  readonly what = "summary";
  readonly subject: { readonly by: readonly Dimension[] };
  #groups = new Map<string, SummaryGroup>();
  /** What the parts of an incomplete snapshot make. */
  #staged = new Map<string, SummaryGroup>();
  readonly #progress = new Progress();

  /** by: one or two. */
  constructor(by: readonly Dimension[]) {
    this.subject = { by };
  }

  /** By id, in no order that means something. */
  get byId(): ReadonlyMap<string, SummaryGroup> {
    return this.#groups;
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

  takes(message: { readonly type: string }): message is SummaryMessage {
    return TYPES.has(message.type);
  }

  /** The last part of a snapshot returns how it differs from what was held. */
  apply(message: SummaryMessage): GroupChange[] {
    switch (message.type) {
      case "summary":
        return this.#snapshot(message);
      case "summary-delta":
        return this.#progress.step(message, () => this.#delta(message));
      default:
        this.#progress.move(message);
        return [];
    }
  }

  #snapshot(part: SummaryPart): GroupChange[] {
    this.#progress.checkPart(part);
    if (part.part === 1) this.#staged = new Map();
    for (const group of part.groups) {
      if (this.#staged.has(group.id)) throw new ProtocolError(`${group.id} is twice in a snapshot`);
      this.#staged.set(group.id, group);
    }
    if (!part.last) return [];
    const before = this.#groups;
    this.#groups = this.#staged;
    this.#staged = new Map();
    this.#progress.finish(part);
    return difference(before, this.#groups);
  }

  #delta({ groups: { set, remove } }: SummaryDelta): GroupChange[] {
    const changes: GroupChange[] = [];
    for (const group of set) {
      const before = this.#groups.get(group.id);
      if (deepEqual(before, group)) continue;
      this.#groups.set(group.id, group);
      changes.push(changeOf(group, before));
    }
    for (const id of remove) {
      const before = this.#groups.get(id);
      if (before === undefined) continue;
      this.#groups.delete(id);
      changes.push({ sign: "-", group: before, before });
    }
    return changes;
  }
}

function difference(
  old: ReadonlyMap<string, SummaryGroup>,
  now: ReadonlyMap<string, SummaryGroup>,
): GroupChange[] {
  const changes: GroupChange[] = [];
  for (const [id, group] of now) {
    const before = old.get(id);
    if (!deepEqual(before, group)) changes.push(changeOf(group, before));
  }
  for (const [id, before] of old) if (!now.has(id)) changes.push({ sign: "-", group: before, before });
  return changes;
}

const changeOf = (group: SummaryGroup, before: SummaryGroup | undefined): GroupChange =>
  before === undefined ? { sign: "+", group } : { sign: "~", group, before };
