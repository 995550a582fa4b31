/** How long to wait before connecting again. */

/** Milliseconds: the first bound and the largest. */
const BASE = 100;
const LONGEST = 30_000;
/** Milliseconds a connection must have been live to reset the backoff. */
const HEALTHY_AFTER = 10_000;

/**
 * Exponential backoff with full jitter: a random time below a bound that doubles with each failure.
 *
 * So the clients of a server that restarts do not all come back at once.
 */
export class Backoff {
  #failures = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait. healthy: how long the lost connection had been live, 0 if it never was. */
  delay(healthy: number): number {
    if (healthy >= HEALTHY_AFTER) this.#failures = 0;
    const bound = Math.min(LONGEST, BASE * 2 ** Math.min(this.#failures, 60));
    this.#failures += 1;
    return this.#random() * bound;
  }
}
