/** Bounds how often passwords may be guessed. */
import { BoundedMap } from "../service/bounded-map.ts";

interface Failures {
  count: number;
  readonly sinceMs: number;
}

/** How many failures are tolerated under one name, and for how long they count. */
export interface FailureBounds {
  readonly max: number;
  readonly windowMs: number;
}

/** how many names are remembered; the oldest is forgotten first */
const maxNames = 10_000;

/** Counts failures by name within fixed windows of time. Memory is bounded, however many names a stranger invents. */
export class FailureLimit {
  readonly #bounds: FailureBounds;
  readonly #now: () => Date;
  readonly #failures = new BoundedMap<string, Failures>(maxNames);

  constructor(bounds: FailureBounds, now: () => Date) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** True while a name has too many failures. */
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
    this.#failures.set(name, { count: 1, sinceMs: this.#now().getTime() });
  }

  #current(name: string): Failures | undefined {
    const known = this.#failures.get(name);
    return known !== undefined && this.#now().getTime() - known.sinceMs < this.#bounds.windowMs ? known : undefined;
  }
}
