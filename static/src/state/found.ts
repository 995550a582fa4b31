/** Which resources the search of the filter finds: the server says, and keeps saying as they change. */

import { type Node, StreamClient } from "@astrolabe/stream";
import { lent } from "./session";
import { scopeOf, type View } from "./url";

/** What a search lets through, by uid. */
export type FoundNodes = ReadonlyMap<string, Node>;

export interface FoundListener {
  /** null: there is no search. isOther: it is of another search than before. */
  onFound(found: FoundNodes | null, isOther: boolean): void;
  /** The search does not parse, which the server says in these words. */
  onFault(message: string): void;
}

/** What was found for the last search stays until the next is complete. */
export class Found {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #listener: FoundListener;
  /** The filter of what is followed, as a text. */
  #asked = "";
  #client: StreamClient | null = null;

  constructor(stream: string, token: () => string | null, listener: FoundListener) {
    this.#stream = stream;
    this.#token = token;
    this.#listener = listener;
  }

  show(view: View): void {
    const { q } = view.filter;
    const asked = q === "" ? "" : JSON.stringify([scopeOf(view), q]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#client?.stop();
    this.#client = null;
    this.#listener.onFault("");
    if (q === "") this.#listener.onFound(null, true);
    else this.#follow(view);
  }

  /** Disconnects for good. */
  stop(): void {
    this.#client?.stop();
  }

  /** There is a connection again, or another token. */
  retry(): void {
    this.#client?.retry();
  }

  #follow(view: View): void {
    const filter = { ...scopeOf(view), q: [view.scope["q"], view.filter.q].filter(Boolean).join(" ") };
    let isOther = true;
    const client: StreamClient = new StreamClient(
      this.#stream,
      {
        onChange: () => {
          if (client !== this.#client) return;
          this.#listener.onFound(client.graph.nodes, isOther);
          isOther = false;
        },
        onConnection: (connection) => {
          if (client === this.#client && connection.state === "refused") {
            this.#listener.onFault(connection.reason);
          }
        },
      },
      { filter, credentials: lent(this.#token) },
    );
    this.#client = client;
    client.start();
  }
}
