/** When publishing gives up. Generous: a conflict means that somebody else succeeded, so everybody's turn comes. */
export interface RetryBounds {
  /** since the first failure, in milliseconds */
  readonly patienceMs: number;
  /** attempts of any kind */
  readonly maxAttempts: number;
  /** failures in a row during which the collection on the server did not move, which waiting will hardly mend */
  readonly maxIdleFailures: number;
  /** longest first wait, in milliseconds, doubled with every failure up to `maxDelayMs`: the more lost races, the more publishers there are */
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

const publishBounds: RetryBounds = {
  patienceMs: 180_000,
  maxAttempts: 400,
  maxIdleFailures: 6,
  delayMs: 50,
  maxDelayMs: 800,
};

/** Counts failures of one publish and paces the attempts. */
export class RetryPace {
  readonly #bounds: RetryBounds;
  #startedAt: number | undefined;
  #attempts = 0;
  #idleFailures = 0;

  constructor(bounds: RetryBounds = publishBounds) {
    this.#bounds = bounds;
  }

  /** Failures so far. */
  get failures(): number {
    return this.#attempts;
  }

  /** Notes a failure. @returns how long to wait before the next attempt, in milliseconds; undefined when it is time to give up */
  failed(): number | undefined {
    this.#startedAt ??= performance.now();
    this.#attempts++;
    this.#idleFailures++;
    const { patienceMs, maxAttempts, maxIdleFailures, delayMs, maxDelayMs } = this.#bounds;
    const isSpent = performance.now() - this.#startedAt > patienceMs || this.#attempts >= maxAttempts;
    if (isSpent || this.#idleFailures > maxIdleFailures) return undefined;
    // Full jitter: publishers that collided once must not collide again for keeping step.
    return Math.round(Math.random() * Math.min(maxDelayMs, delayMs * 2 ** Math.min(this.#attempts - 1, 10)));
  }

  /** Notes that the collection moved since the last attempt: the failure was a lost race. */
  moved(): void {
    this.#idleFailures = 0;
  }
}
