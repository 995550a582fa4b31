/** What a search field shows while the user types: proposals, and the hits so far. */

import {
  fetchCompletion,
  fetchHits,
  type Proposal,
  RefusedError,
  type SearchHits,
  unitsOf,
} from "@astrolabe/stream";

/** Milliseconds after the last key. */
const ASK_AFTER = 90;

/** fault: why the text does not parse. at: where, in UTF-16 units; null if the server does not say. */
export interface QueryFault {
  readonly message: string;
  readonly at: number | null;
}

/** q: the text that it is about. start, end: the part that a proposal replaces. hits: null if unknown. */
export interface QueryAnswer {
  readonly q: string;
  readonly start: number;
  readonly end: number;
  readonly proposals: readonly Proposal[];
  readonly hits: SearchHits | null;
  readonly fault: QueryFault | null;
}

/** One text field. Answers to an earlier text are dropped. */
export class Query {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #scope: () => Readonly<Record<string, readonly string[] | string>>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();

  constructor(
    stream: string,
    token: () => string | null,
    scope: () => Readonly<Record<string, readonly string[] | string>>,
  ) {
    this.#stream = stream;
    this.#token = token;
    this.#scope = scope;
  }

  /** Somebody has typed this. limit: of hits. */
  ask(q: string, cursor: number, limit: number, answered: (answer: QueryAnswer) => void): void {
    this.drop();
    this.#timer = setTimeout(() => void this.#ask(q, cursor, limit, answered), ASK_AFTER);
  }

  /** Nobody waits for an answer any more. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #ask(
    q: string,
    cursor: number,
    limit: number,
    answered: (answer: QueryAnswer) => void,
  ): Promise<void> {
    const { signal } = this.#abort;
    const [completion, found] = await Promise.allSettled([
      fetchCompletion(this.#stream, this.#token(), q, cursor, signal),
      q.trim() === "" ? null : fetchHits(this.#stream, this.#token(), this.#params(q, limit), signal),
    ]);
    if (signal.aborted) return;
    const { start, end, proposals } =
      completion.status === "fulfilled" ? completion.value : { start: 0, end: 0, proposals: [] };
    const hits = found.status === "fulfilled" ? found.value : null;
    const fault = found.status === "rejected" ? faultOf(found.reason, q) : null;
    // The hits show the names already.
    const isValue = /[:<>=,]"?$/.test(q.slice(0, start));
    const told = proposals.filter((each) => isValue || each.resources === undefined);
    answered({ q, start, end, proposals: told, hits, fault });
  }

  #params(q: string, limit: number): URLSearchParams {
    const params = new URLSearchParams({ limit: String(limit) });
    const { q: within, ...scope } = this.#scope();
    for (const [name, value] of Object.entries(scope)) {
      for (const each of [value].flat()) params.append(name, each);
    }
    params.set("q", [within, q].filter(Boolean).join(" "));
    return params;
  }
}

function faultOf(error: unknown, q: string): QueryFault {
  if (!(error instanceof RefusedError)) return { message: "The server does not answer.", at: null };
  const message = error.message.replace(/^q does not parse: /, "").replace(/, at \d+ of .*$/s, "");
  return { message, at: error.at === null ? null : Math.min(unitsOf(q, error.at), q.length) };
}
