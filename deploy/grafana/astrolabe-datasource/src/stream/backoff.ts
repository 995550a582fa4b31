/**
 * How long to wait before connecting again: anything between nothing and a bound that doubles with each
 * failure, so that the panels of all users do not come back at once.
 */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly options = { base: 100, longest: 30_000, healthyAfter: 10_000 },
    private readonly random: () => number = Math.random
  ) {}

  /** Milliseconds. `healthy`: for how many the connection that was lost had been in step. */
  delay(healthy: number): number {
    if (healthy >= this.options.healthyAfter) {
      this.failures = 0;
    }
    const bound = Math.min(this.options.longest, this.options.base * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 30);
    return this.random() * bound;
  }
}
