/** The problems of the page's filter, from the server's stream. */

import {
  type ConnectionState,
  inOrder,
  type Problem,
  ProblemClient,
  type Filter as StreamFilter,
} from "@astrolabe/stream";
import { lent } from "./session";
import { filterOf, type View } from "./url";

export interface ProblemListListener {
  onProblems(problems: readonly Problem[] | null): void;
}

/** One connection per filter. The problems of the last filter stay until those of the next are complete. */
export class ProblemList {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #listener: ProblemListListener;
  #view: View | null = null;
  #filter = "";
  #client: ProblemClient | null = null;
  #isStarted = false;
  /** Whether the graph's connection is up: then a token is known to be good. */
  #isConnected = false;

  constructor(stream: string, token: () => string | null, listener: ProblemListListener) {
    this.#stream = stream;
    this.#token = token;
    this.#listener = listener;
  }

  /** The filter and the order of the list. */
  show(view: View): void {
    this.#view = view;
    const filter = filterOf(view);
    const text = JSON.stringify(filter);
    if (this.#client !== null && text === this.#filter) {
      if (this.#client.problems.position !== null) this.#tell();
      return;
    }
    this.#client?.stop();
    this.#filter = text;
    this.#client = this.#clientOf(filter);
    this.#isStarted = false;
    this.#startIfConnected();
  }

  /** Disconnects for good. */
  stop(): void {
    this.#client?.stop();
  }

  /** The graph's connection has changed. */
  connected({ state }: ConnectionState): void {
    const wasConnected = this.#isConnected;
    this.#isConnected = state === "catching-up" || state === "live";
    this.#startIfConnected();
    if (this.#isConnected && !wasConnected) this.#client?.retry();
  }

  #startIfConnected(): void {
    if (!this.#isConnected || this.#isStarted || this.#client === null) return;
    this.#isStarted = true;
    this.#client.start();
  }

  #clientOf(filter: StreamFilter): ProblemClient {
    const client: ProblemClient = new ProblemClient(
      this.#stream,
      {
        onChange: () => {
          if (client === this.#client) this.#tell();
        },
        // The graph's connection says what is wrong with the server. The last problems stay.
        onConnection: () => {},
      },
      { filter, credentials: lent(this.#token) },
    );
    return client;
  }

  #tell(): void {
    const { statuses } = this.#view?.filter ?? { statuses: new Set() };
    const all = inOrder(this.#client?.problems.byId.values() ?? [], this.#view?.sort);
    // The statuses choose among the problems: as part of the filter, they would hide causes from the server.
    this.#listener.onProblems(all.filter(({ status }) => statuses.size === 0 || statuses.has(status)));
  }
}
