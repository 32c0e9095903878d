/**
 * Readings of collections that a gate holds for a moment: requests that come together cause one update, and a busy gate asks a trust server
 * for a repository once per interval, whatever the number of its clients.
 */
import { hasCode, TagsealError } from "../errors.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import { increase } from "../service/metrics.ts";
import { type CurrentReading, expiryOf } from "../trust/reading/current-reading.ts";

/** A reading, or the reason why there is none. */
export type Outcome = CurrentReading | TagsealError;

/** How readings are made and how long they are held. */
export interface HeldReadingsOptions {
  readonly now: () => Date;
  /** a trust server is asked at most this often for one repository, in milliseconds; no reading is used for longer than twice that */
  readonly refreshMs: number;
  /** good readings in memory, and as many failures; of each kind the least recently used goes first (1,000) */
  readonly maxHeld?: number;
}

/** How to make one reading. */
export interface ReadingPlan {
  /** what distinguishes it from others: the repository and what is required of it */
  readonly key: string;
  readonly read: () => Promise<CurrentReading>;
  /** the greatest age of its timestamp, in milliseconds */
  readonly maxStalenessMs?: number | undefined;
}

/** Updates since the start; failures by the code of the reason. */
export interface ReadingCounts {
  refreshes: number;
  readonly failures: Map<string, number>;
}

interface Held {
  readonly outcome: Outcome;
  readonly readAt: number;
  /** it must not be used from here on */
  readonly usableUntil: number;
}

/** A failure is asked again soon: what it was may be over. */
const failureHeldMs = 1_000;
/** A tag that was signed a moment ago is found this quickly. */
const newsAfterMs = 1_000;

/** See the top of this file. */
export class HeldReadings {
  readonly #options: HeldReadingsOptions;
  /** in the order of use */
  readonly #good: BoundedMap<string, Held>;
  /** apart from the good ones: a client that asks for names which do not exist does not push those out */
  readonly #failed: BoundedMap<string, Held>;
  readonly #underWay = new Map<string, Promise<Held>>();
  #generation = 0;
  /** for the metrics */
  readonly counts: ReadingCounts = { refreshes: 0, failures: new Map() };

  constructor(options: HeldReadingsOptions) {
    this.#options = options;
    const { maxHeld = 1_000 } = options;
    this.#good = new BoundedMap(maxHeld);
    this.#failed = new BoundedMap(maxHeld);
  }

  /** A reading that is current enough. One that becomes old is replaced in the background, so that its users seldom wait. */
  async current(plan: ReadingPlan): Promise<Outcome> {
    const held = this.#usable(plan.key);
    if (held === undefined) return (await this.#refresh(plan)).outcome;
    // a failure of this refresh is held, and reported to those who ask then
    if (this.#now() - held.readAt >= this.#options.refreshMs) void this.#refresh(plan).catch(() => undefined);
    return held.outcome;
  }

  /** A reading for what the held one does not contain: news of the last seconds are in it. */
  async newer(plan: ReadingPlan): Promise<Outcome> {
    const held = this.#usable(plan.key);
    const isNew = held !== undefined && this.#now() - held.readAt < Math.min(newsAfterMs, this.#options.refreshMs);
    return isNew ? held.outcome : (await this.#refresh(plan)).outcome;
  }

  /** Forgets all readings: what is required has changed. */
  clear(): void {
    this.#generation += 1;
    this.#good.clear();
    this.#failed.clear();
    this.#underWay.clear();
  }

  /** How many readings are in memory. */
  get held(): number {
    return this.#good.size;
  }

  /** When the timestamps of the readings in memory were signed, where that is known. */
  get timestamps(): readonly Date[] {
    return [...this.#good.values()].flatMap(({ outcome }) => {
      const signedAt = "freshness" in outcome ? outcome.freshness.signedAt : undefined;
      return signedAt === undefined ? [] : [signedAt];
    });
  }

  #now(): number {
    return this.#options.now().getTime();
  }

  #usable(key: string): Held | undefined {
    const held = this.#good.get(key) ?? this.#failed.get(key);
    if (held === undefined) return undefined;
    this.#forget(key);
    const now = this.#now();
    // a clock that was set back proves nothing about the age of a reading
    if (now >= held.usableUntil || now < held.readAt) return undefined;
    this.#of(held).set(key, held);
    return held;
  }

  async #refresh(plan: ReadingPlan): Promise<Held> {
    const { key } = plan;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return await underWay;
    const generation = this.#generation;
    const refreshing = this.#read(plan)
      .then((held) => {
        if (generation === this.#generation) this.#hold(key, held);
        return held;
      })
      .finally(() => {
        if (this.#underWay.get(key) === refreshing) this.#underWay.delete(key);
      });
    this.#underWay.set(key, refreshing);
    return await refreshing;
  }

  async #read({ read, maxStalenessMs }: ReadingPlan): Promise<Held> {
    const readAt = this.#now();
    this.counts.refreshes += 1;
    try {
      const outcome = await read();
      return {
        outcome,
        readAt,
        usableUntil: usableUntil(outcome, readAt + 2 * this.#options.refreshMs, maxStalenessMs),
      };
    } catch (error) {
      const code = error instanceof TagsealError ? error.code : "INTERNAL";
      increase(this.counts.failures, code);
      if (!(error instanceof TagsealError) || hasCode(error, "CANCELLED")) throw error;
      return { outcome: error, readAt, usableUntil: readAt + Math.min(failureHeldMs, this.#options.refreshMs) };
    }
  }

  #hold(key: string, held: Held): void {
    this.#forget(key);
    this.#of(held).set(key, held);
  }

  #of({ outcome }: Held): Map<string, Held> {
    return outcome instanceof TagsealError ? this.#failed : this.#good;
  }

  #forget(key: string): void {
    this.#good.delete(key);
    this.#failed.delete(key);
  }
}

function usableUntil(reading: CurrentReading, heldUntil: number, maxStalenessMs: number | undefined): number {
  const signedAt = reading.freshness.signedAt?.getTime();
  const staleAt = maxStalenessMs === undefined || signedAt === undefined ? Infinity : signedAt + maxStalenessMs;
  return Math.min(heldUntil, expiryOf(reading).getTime(), staleAt);
}
