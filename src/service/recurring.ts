/** Recurring work while the server runs: never twice at once, and it does not keep the process alive. */

/** The recurring work. */
export interface RecurringWork {
  /** @returns milliseconds until the next time */
  readonly work: () => Promise<number>;
  /** called with what `work` threw */
  readonly onError: (error: unknown) => void;
  /** milliseconds until the next time after `work` threw */
  readonly retryMs: number;
}

/** Repeats one piece of work until it is stopped. */
export class Recurring {
  readonly #recurring: RecurringWork;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #isStopped = false;
  #endedAt: number | undefined;

  constructor(recurring: RecurringWork) {
    this.#recurring = recurring;
  }

  /** Call this once. */
  begin(firstAfterMs: number): void {
    this.#endedAt = performance.now();
    this.#after(firstAfterMs);
  }

  /** milliseconds since the work last ended, with success or failure, or since the start; undefined before that */
  get idleMs(): number | undefined {
    return this.#endedAt === undefined ? undefined : performance.now() - this.#endedAt;
  }

  /** Stops for good. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  #after(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => (this.#underWay = this.#turn()), ms).unref();
  }

  async #turn(): Promise<void> {
    const { work, onError, retryMs } = this.#recurring;
    let nextMs = retryMs;
    try {
      nextMs = await work();
    } catch (error) {
      onError(error);
    }
    this.#endedAt = performance.now();
    this.#after(nextMs);
  }
}
