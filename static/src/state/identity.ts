/** Who looks at this page, as the server knows them. */

import { type CallingUser, fetchCaller } from "@astrolabe/stream";

export class Identity {
  readonly #stream: string;
  readonly #token: () => string | null;
  readonly #known: (user: CallingUser | null) => void;

  /** known: called with each answer; null for a server that tells nobody from anybody. */
  constructor(stream: string, token: () => string | null, known: (user: CallingUser | null) => void) {
    this.#stream = stream;
    this.#token = token;
    this.#known = known;
  }

  /** Asked once connected, as only then a token is known to be good. It may be another one each time. */
  async connected(): Promise<void> {
    const token = this.#token();
    const user = await fetchCaller(this.#stream, token).then(
      (caller) => caller.user,
      () => null, // An older server does not know.
    );
    if (token === this.#token()) this.#known(user);
  }
}
