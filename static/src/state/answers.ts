/** What the server answers about what is focused. */

import {
  type CauseStep,
  fetchImpact,
  fetchProblem,
  fetchWhy,
  type Impact,
  type ImpactLevels,
  type Problem,
  type ProblemNode,
  RefusedError,
  type Status,
  type Why,
} from "@astrolabe/stream";

/** Milliseconds from a change of the graph to the question, and between two questions. */
const ASK_SOON = 200;
const ASK_EVERY = 1_000;

/** What a focus is on. problem: its id. cause, impact: uids of what a card shows; why it is so, or what depends on it. */
export type Subject =
  | { readonly about: "problem"; readonly id: string }
  | { readonly about: "cause" | "impact"; readonly uids: readonly string[] };

/** What is said first of a focus. */
export interface Headline {
  readonly status: Status;
  readonly reason: string;
  readonly message: string;
  readonly since: string | undefined;
}

/** What would happen without something. */
export interface Forecast {
  readonly target: ProblemNode;
  readonly levels: ImpactLevels<readonly ProblemNode[]>;
  readonly counts: ImpactLevels<Readonly<Record<string, number>>>;
  readonly later: readonly ProblemNode[];
  readonly entries: number;
}

/**
 * What a focus shows, as uids. asked: what was asked about. chain: from a symptom to the cause, which need not
 * exist. broken: all that is so because of the cause, and the cause. dependents: what would feel it. headline: of a
 * cause; forecast: of an impact.
 */
export interface Study {
  readonly asked: readonly string[];
  readonly chain: readonly ProblemNode[];
  readonly broken: readonly string[];
  readonly dependents: readonly string[];
  readonly headline: Headline | null;
  readonly forecast: Forecast | null;
}

export interface AnswersListener {
  /** Null if what was asked about no longer exists. */
  onStudy(study: Study | null): void;
}

/** Asks again when the graph has changed, not more often than it may. */
export class Answers {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #listener: AnswersListener;
  #subject: Subject | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;
  #askedAt = -Infinity;
  #again = false;

  constructor(stream: string, token: () => string | null, listener: AnswersListener) {
    this.#stream = stream;
    this.#token = token;
    this.#listener = listener;
  }

  /** Asks at once. Null: nothing is focused. */
  study(subject: Subject | null): void {
    this.#subject = subject;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (subject !== null) void this.#ask();
  }

  /** The graph or its problems have changed. */
  changed(): void {
    if (this.#subject === null || this.#timer !== undefined) return;
    const wait = Math.max(ASK_SOON, this.#askedAt + ASK_EVERY - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#ask();
    }, wait);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) {
      this.#again = true;
      return;
    }
    this.#isAsking = true;
    do {
      this.#again = false;
      this.#askedAt = performance.now();
      await this.#askOnce(this.#subject);
    } while (this.#again);
    this.#isAsking = false;
  }

  async #askOnce(subject: Subject | null): Promise<void> {
    if (subject === null) return;
    let study: Study | null = null;
    try {
      study = await this.#studyOf(subject);
    } catch (error) {
      // The connection says what is wrong with the server; what it last answered stays.
      if (!(error instanceof RefusedError && error.status === 404)) return;
    }
    if (subject === this.#subject) this.#listener.onStudy(study);
  }

  async #studyOf(subject: Subject): Promise<Study> {
    const token = this.#token();
    if (subject.about === "problem") return ofProblem(await fetchProblem(this.#stream, token, subject.id));
    const { uids } = subject;
    const [first = ""] = uids;
    if (subject.about === "cause") return ofWhy(uids, await fetchWhy(this.#stream, token, first));
    return ofImpact(uids, await fetchImpact(this.#stream, token, first));
  }
}

function ofProblem(problem: Problem): Study {
  const { cause, affected, path, status, reason, message, since } = problem;
  const causes = [cause, ...(cause.members ?? [])];
  return {
    asked: uidsOf(causes),
    chain: path.length > 0 ? path : [cause],
    broken: uidsOf([...causes, ...(affected.nodes ?? [])]),
    dependents: [],
    headline: { status, reason, message, since },
    forecast: null,
  };
}

function ofWhy(asked: readonly string[], why: Why): Study {
  return {
    asked,
    chain: why.chain.length > 0 ? why.chain.toReversed() : [why.node],
    broken: uidsOf([why.chain, ...why.others].flat()),
    dependents: [],
    headline: headlineOf(why.chain[0] ?? why.node),
    forecast: null,
  };
}

function ofImpact(asked: readonly string[], impact: Impact): Study {
  const { target, levels, later = [], entries = [] } = impact;
  const { stops, degrades, losesCopy } = levels;
  const none = { stops: {}, degrades: {}, losesCopy: {} };
  return {
    asked,
    chain: [target],
    broken: [],
    dependents: uidsOf([...stops, ...degrades, ...losesCopy, ...later]),
    headline: null,
    forecast: { target, levels, counts: impact.counts ?? none, later, entries: entries.length },
  };
}

const uidsOf = (nodes: readonly ProblemNode[]): string[] => nodes.flatMap((node) => node.uid ?? []);

function headlineOf(step: CauseStep): Headline {
  if (step.missing === true) {
    const cluster = step.cluster ? ` of cluster ${step.cluster}` : "";
    const where = step.namespace ? ` in namespace ${step.namespace}` : "";
    const message = `${step.kind} ${step.name} does not exist${where}${cluster}`;
    return { status: "Error", reason: "NotFound", message, since: undefined };
  }
  const { status = "Unknown", reason = status, message = "", since } = step;
  return { status, reason, message, since };
}
