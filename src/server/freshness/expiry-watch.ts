/** Remembers which collection is to be signed again when: so many at most, and of more than that those that are due first. */

/** One collection, all times in milliseconds since 1970. */
export interface WatchedExpiry {
  /** when readers stop believing it */
  readonly expiresAt: number;
  /** when to look at it again */
  readonly dueAt: number;
  /** when to look at it again because a file lasts too long; undefined when none does */
  readonly shortenAt?: number | undefined;
  /** when its timestamp was signed */
  readonly signedAt?: number | undefined;
  /** attempts that failed since the last that did not */
  readonly failures: number;
  /** nobody but its owner can make it readable for longer */
  readonly isOwners: boolean;
}

/** See the head of this file. */
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

  /** Everything that is due before this moment is remembered; what is due later may have been left out for want of room. */
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

  /** To be called when all collections are about to be set again: what was left out gets another chance. */
  relearn(): void {
    this.#knownUntil = Number.POSITIVE_INFINITY;
  }

  /** The collections to look at now, those due longest first; with `mayShorten` those, too, of which a file lasts too long. */
  due(now: number, limit: number, mayShorten = true): string[] {
    const due = [...this.#entries].filter(([, entry]) => (mayShorten ? firstDue(entry) : entry.dueAt) <= now);
    return due
      .sort(([, one], [, other]) => firstDue(one) - firstDue(other))
      .slice(0, limit)
      .map(([gun]) => gun);
  }

  /** Half of them at once, so that a full watch is not sorted for every new name. */
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
