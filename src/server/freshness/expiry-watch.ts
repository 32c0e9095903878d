/** Remembers when each collection must be signed again: a bounded number, those that are due first. */

/** One collection, all times in milliseconds since 1970. */
export interface WatchedExpiry {
  /** when readers start to refuse it */
  readonly expiresAt: number;
  /** when to look at it again */
  readonly dueAt: number;
  /** when to look at it again because a file lasts too long; undefined when none does */
  readonly shortenAt?: number | undefined;
  /** when its timestamp was signed */
  readonly signedAt?: number | undefined;
  /** failed attempts since the last success */
  readonly failures: number;
  /** only its owner can extend it */
  readonly isOwners: boolean;
}

/** The expiries of collections, in a bounded table. */
export class ExpiryWatch {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, WatchedExpiry>();
  #knownUntil = Number.POSITIVE_INFINITY;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Everything due before this moment is remembered; later ones may have been dropped for lack of space. */
  get knownUntil(): number {
    return this.#knownUntil;
  }

  get(gun: string): WatchedExpiry | undefined {
    return this.#entries.get(gun);
  }

  values(): Iterable<WatchedExpiry> {
    return this.#entries.values();
  }

  set(gun: string, entry: WatchedExpiry): void {
    if (firstDue(entry) >= this.#knownUntil) {
      this.#entries.delete(gun);
      return;
    }
    this.#entries.set(gun, entry);
    if (this.#entries.size > this.#maxEntries) this.#dropLatest();
  }

  forget(gun: string): void {
    this.#entries.delete(gun);
  }

  /** Call this before all collections are set again: dropped ones get another chance. */
  relearn(): void {
    this.#knownUntil = Number.POSITIVE_INFINITY;
  }

  /** The collections to look at now, those due longest first; with `mayShorten` also those with a file that lasts too long. */
  due(now: number, limit: number, mayShorten = true): string[] {
    const due = [...this.#entries].filter(([, entry]) => (mayShorten ? firstDue(entry) : entry.dueAt) <= now);
    return due
      .sort(([, one], [, other]) => firstDue(one) - firstDue(other))
      .slice(0, limit)
      .map(([gun]) => gun);
  }

  /** Drops half of them at once, so that a full table is not sorted for every new name. */
  #dropLatest(): void {
    const sorted = [...this.#entries].sort(([, one], [, other]) => firstDue(one) - firstDue(other));
    const dropped = sorted.slice(Math.ceil(this.#maxEntries / 2));
    this.#knownUntil = dropped[0] === undefined ? this.#knownUntil : firstDue(dropped[0][1]);
    for (const [gun] of dropped) this.#entries.delete(gun);
  }
}

function firstDue({ dueAt, shortenAt = dueAt }: WatchedExpiry): number {
  return Math.min(dueAt, shortenAt);
}
