/** Bounds how often passwords may be guessed. */

interface Failures {
  count: number;
  readonly sinceMs: number;
}

/** How many failures are forgiven under one name, and how soon they are forgotten. */
export interface FailureBounds {
  readonly max: number;
  readonly windowMs: number;
}

/** what is remembered; the oldest goes first */
const maxNames = 10_000;

/** Counts failures by name within fixed windows of time. Memory is bounded, whatever names strangers think of. */
export class FailureLimit {
  readonly #bounds: FailureBounds;
  readonly #now: () => Date;
  readonly #failures = new Map<string, Failures>();

  constructor(bounds: FailureBounds, now: () => Date) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** True while there were too many. */
  isReached(name: string): boolean {
    return (this.#current(name)?.count ?? 0) >= this.#bounds.max;
  }

  /** Counts one more. */
  add(name: string): void {
    const known = this.#current(name);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    this.#failures.delete(name);
    this.#failures.set(name, { count: 1, sinceMs: this.#now().getTime() });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > maxNames && oldest !== undefined) this.#failures.delete(oldest);
  }

  #current(name: string): Failures | undefined {
    const known = this.#failures.get(name);
    return known !== undefined && this.#now().getTime() - known.sinceMs < this.#bounds.windowMs ? known : undefined;
  }
}
