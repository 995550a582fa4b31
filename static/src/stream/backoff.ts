/** How long to wait before connecting again. */

/** Milliseconds: the first bound and the largest. */
const BASE = 100;
const LONGEST = 30_000;
/** Milliseconds for which a connection must have been in step to count as no failure. */
const HEALTHY_AFTER = 10_000;

/**
 * Exponential with full jitter: anything between nothing and a bound that doubles with each failure.
 *
 * So the clients of a server that restarts come back one by one.
 */
export class Backoff {
  #failures = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait. healthy: for how long the lost connection had been in step, 0 for none. */
  delay(healthy: number): number {
    if (healthy >= HEALTHY_AFTER) this.#failures = 0;
    const bound = Math.min(LONGEST, BASE * 2 ** Math.min(this.#failures, 60));
    this.#failures += 1;
    return this.#random() * bound;
  }
}
