/** Work that is done again and again while the server runs: never twice at once, and never a reason for the process to stay. */

/** What recurs. */
export interface RecurringWork {
  /** @returns milliseconds until the next time */
  readonly work: () => Promise<number>;
  /** told what `work` threw */
  readonly onError: (error: unknown) => void;
  /** milliseconds until the next time after `work` threw */
  readonly retryMs: number;
}

/** See the head of this file. */
export class Recurring {
  readonly #recurring: RecurringWork;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #isStopped = false;
  #endedAt: number | undefined;

  constructor(recurring: RecurringWork) {
    this.#recurring = recurring;
  }

  /** To be called once. */
  begin(firstAfterMs: number): void {
    this.#endedAt = performance.now();
    this.#after(firstAfterMs);
  }

  /** milliseconds since the work last ended, well or not, or began to recur; undefined before that */
  get idleMs(): number | undefined {
    return this.#endedAt === undefined ? undefined : performance.now() - this.#endedAt;
  }

  /** Does not begin again. Resolves once nothing is under way. */
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
