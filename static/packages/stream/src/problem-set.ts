/** The problems of one filter, and how each message changes them. Its twin in Python is `astrolabe.client.problem_set`. */

import { deepEqual } from "./deep-equal";
import type { ProblemMessage, ProblemsDelta, ProblemsPart } from "./messages";
import type { Problem } from "./problems";
import { type Position, Progress, type Replica, type Sign } from "./progress";
import { ProtocolError } from "./protocol-error";

/** problem: as it is now; of a removed one, as it was last. before: as it was; absent when added. */
export interface ProblemChange {
  readonly sign: Sign;
  readonly problem: Problem;
  readonly before?: Problem;
}

const TYPES = new Set(["problems", "problems-delta", "bookmark", "reset"]);

/** It survives connections and resets. Its position is one of this list, which no other server knows. */
export class ProblemSet implements Replica<ProblemMessage, ProblemChange> {
  readonly what = "problems";
  #problems = new Map<string, Problem>();
  /** What the parts of an incomplete snapshot make. */
  #staged = new Map<string, Problem>();
  readonly #progress = new Progress();

  /** By id, in no order that means something. */
  get byId(): ReadonlyMap<string, Problem> {
    return this.#problems;
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

  takes(message: { readonly type: string }): message is ProblemMessage {
    return TYPES.has(message.type);
  }

  /** The last part of a snapshot returns how it differs from what was held. */
  apply(message: ProblemMessage): ProblemChange[] {
    switch (message.type) {
      case "problems":
        return this.#snapshot(message);
      case "problems-delta":
        return this.#progress.step(message, () => this.#delta(message));
      default:
        this.#progress.move(message);
        return [];
    }
  }

  #snapshot(part: ProblemsPart): ProblemChange[] {
    this.#progress.checkPart(part);
    if (part.part === 1) this.#staged = new Map();
    for (const problem of part.problems) {
      if (this.#staged.has(problem.id)) throw new ProtocolError(`${problem.id} is twice in a snapshot`);
      this.#staged.set(problem.id, problem);
    }
    if (!part.last) return [];
    const before = this.#problems;
    this.#problems = this.#staged;
    this.#staged = new Map();
    this.#progress.finish(part);
    return difference(before, this.#problems);
  }

  #delta({ problems: { set, remove } }: ProblemsDelta): ProblemChange[] {
    const changes: ProblemChange[] = [];
    for (const problem of set) {
      const before = this.#problems.get(problem.id);
      if (deepEqual(before, problem)) continue;
      this.#problems.set(problem.id, problem);
      changes.push(changeOf(problem, before));
    }
    for (const id of remove) {
      const before = this.#problems.get(id);
      if (before === undefined) continue;
      this.#problems.delete(id);
      changes.push({ sign: "-", problem: before, before });
    }
    return changes;
  }
}

function difference(old: ReadonlyMap<string, Problem>, now: ReadonlyMap<string, Problem>): ProblemChange[] {
  const changes: ProblemChange[] = [];
  for (const [id, problem] of now) {
    const before = old.get(id);
    if (!deepEqual(before, problem)) changes.push(changeOf(problem, before));
  }
  for (const [id, before] of old) if (!now.has(id)) changes.push({ sign: "-", problem: before, before });
  return changes;
}

const changeOf = (problem: Problem, before: Problem | undefined): ProblemChange =>
  before === undefined ? { sign: "+", problem } : { sign: "~", problem, before };
