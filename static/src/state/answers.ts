/** What the server answers about the graph: its problems, and the study of what is focused. */

import {
  type CauseStep,
  fetchImpact,
  fetchProblem,
  fetchProblems,
  fetchWhy,
  type Impact,
  type Problem,
  type ProblemNode,
  type Status,
  type Why,
} from "@astrolabe/stream";
import type { Filter } from "../cluster/filter";
import type { View } from "./url";

/** Milliseconds: from a change to the question, between two questions, and without a change, as ages pass. */
const ASK_SOON = 200;
const ASK_EVERY = 1_000;
const ASK_ANYWAY = 10_000;

/** A focus on a problem begins so; all others are on a card. */
export const PROBLEM = "problem:";

/** What is said first of a focus. */
export interface Headline {
  readonly status: Status;
  readonly reason: string;
  readonly message: string;
  readonly since: string | undefined;
}

/**
 * What a focus shows, as uids. asked: what was asked about. chain: from a symptom to the cause, which need not
 * exist. broken: all that is so because of the cause, and the cause. dependents: what would feel it.
 */
export interface Study {
  readonly asked: readonly string[];
  readonly chain: readonly ProblemNode[];
  readonly broken: readonly string[];
  readonly dependents: readonly string[];
  readonly headline: Headline | null;
}

export interface AnswersListener {
  onProblems(problems: readonly Problem[] | null): void;
  /** Null if what was asked about no longer exists. */
  onStudy(study: Study | null): void;
}

/** Asks again when the graph has changed, not more often than it may. */
export class Answers {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #listener: AnswersListener;
  #view: View | null = null;
  #about: string | readonly string[] | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;
  #asking = false;
  #asked = -Infinity;
  #again = false;

  constructor(stream: string, token: () => string | null, listener: AnswersListener) {
    this.#stream = stream;
    this.#token = token;
    this.#listener = listener;
  }

  /** What the list of problems is filtered by and sorted by; asks at once. */
  show(view: View): void {
    this.#view = view;
    this.#ask(0);
  }

  /** The id of a problem, or uids of what a card shows; null: nothing is focused. */
  study(about: string | readonly string[] | null): void {
    this.#about = about;
    if (about !== null) this.#ask(0);
  }

  /** The graph has changed. */
  changed(): void {
    this.#ask(Math.max(ASK_SOON, this.#asked + ASK_EVERY - performance.now()));
  }

  #ask(wait: number): void {
    const due = performance.now() + wait;
    if (this.#view === null || due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(), wait);
  }

  async #fetch(): Promise<void> {
    this.#due = Infinity;
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    this.#asked = performance.now();
    const { view, about } = { view: this.#view, about: this.#about };
    try {
      if (about !== null) await this.#fetchStudy(about);
      if (view !== null) {
        const problems = await fetchProblems(this.#stream, this.#token(), queryOf(view));
        if (view === this.#view) this.#listener.onProblems(problems);
      }
    } catch {
      // The connection says what is wrong with the server; what it last answered stays.
    }
    this.#asking = false;
    this.#ask(this.#again ? 0 : ASK_ANYWAY);
    this.#again = false;
  }

  async #fetchStudy(about: string | readonly string[]): Promise<void> {
    let study: Study | null;
    try {
      study =
        typeof about === "string"
          ? ofProblem(await fetchProblem(this.#stream, this.#token(), about))
          : await this.#ofNodes(about);
    } catch (error) {
      if (!(error instanceof Error && error.message === "HTTP 404")) throw error;
      study = null;
    }
    if (about === this.#about) this.#listener.onStudy(study);
  }

  async #ofNodes(uids: readonly string[]): Promise<Study> {
    const [first = ""] = uids;
    const [why, impact] = await Promise.all([
      fetchWhy(this.#stream, this.#token(), first),
      fetchImpact(this.#stream, this.#token(), first),
    ]);
    return ofAnswers(uids, why, impact);
  }
}

function ofProblem(problem: Problem): Study {
  const { cause, affected, path } = problem;
  const causes = [cause, ...(cause.members ?? [])];
  return {
    asked: uidsOf(causes),
    chain: path.length > 0 ? path : [cause],
    broken: uidsOf([...causes, ...(affected.nodes ?? [])]),
    dependents: [],
    headline: {
      status: problem.status,
      reason: problem.reason,
      message: problem.message,
      since: problem.since,
    },
  };
}

function ofAnswers(asked: readonly string[], why: Why, impact: Impact): Study {
  const { stops, degrades, losesCopy } = impact.levels;
  return {
    asked,
    chain: why.chain.length > 0 ? why.chain.toReversed() : [why.node],
    broken: uidsOf([why.chain, ...why.others].flat()),
    dependents: uidsOf([...stops, ...degrades, ...losesCopy]),
    headline: headlineOf(why.chain[0] ?? why.node),
  };
}

const uidsOf = (nodes: readonly ProblemNode[]): string[] => nodes.flatMap((node) => node.uid ?? []);

function headlineOf(step: CauseStep): Headline {
  if (step.missing === true) {
    const where = step.namespace ? ` in namespace ${step.namespace}` : "";
    const message = `${step.kind} ${step.name} does not exist${where}`;
    return { status: "Error", reason: "NotFound", message, since: undefined };
  }
  const { status = "Unknown", reason = status, message = "", since } = step;
  return { status, reason, message, since };
}

function queryOf({ filter, scope, sort }: View): URLSearchParams {
  const query = new URLSearchParams({ sort });
  for (const [name, values] of Object.entries(fieldsOf(filter))) {
    for (const value of values) query.append(name, value);
  }
  for (const [name, value] of Object.entries(scope)) {
    if (!query.has(name)) for (const each of [value].flat()) query.append(name, each);
  }
  return query;
}

const fieldsOf = (filter: Filter): Record<string, ReadonlySet<string>> => ({
  namespace: filter.namespaces,
  release: filter.releases,
  kind: filter.kinds,
  status: filter.statuses,
});
