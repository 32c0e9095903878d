/** When publishing gives up. Generous: a conflict means that another publisher succeeded, so every publisher gets a turn. */
export interface RetryBounds {
  /** since the first failure, in milliseconds */
  readonly patienceMs: number;
  /** attempts of any kind */
  readonly maxAttempts: number;
  /** consecutive failures while the collection on the server did not change; more waiting hardly helps */
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

/** Counts the failures of one publish and paces the attempts. */
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

  /** Counts a failure. @returns how long to wait before the next attempt, in milliseconds; undefined when it is time to give up */
  failed(): number | undefined {
    this.#startedAt ??= performance.now();
    this.#attempts++;
    this.#idleFailures++;
    const { patienceMs, maxAttempts, maxIdleFailures, delayMs, maxDelayMs } = this.#bounds;
    const isSpent = performance.now() - this.#startedAt > patienceMs || this.#attempts >= maxAttempts;
    if (isSpent || this.#idleFailures > maxIdleFailures) return undefined;
    // Full jitter: publishers that collided once must not collide again in step.
    return Math.round(Math.random() * Math.min(maxDelayMs, delayMs * 2 ** Math.min(this.#attempts - 1, 10)));
  }

  /** Records that the collection changed since the last attempt: the failure was a lost race. */
  moved(): void {
    this.#idleFailures = 0;
  }
}
