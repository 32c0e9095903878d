/** How often one client may ask: a bucket of tokens for each address, filled at a steady pace, in a table that cannot grow beyond a bound. */

import { WireError } from "./wire-error.ts";

/** What requests are counted as. */
export type RateClass = "reads" | "uploads" | "keys";

interface Bucket {
  tokens: number;
  /** when `tokens` was right, in milliseconds */
  at: number;
}

const minuteMs = 60_000;
/** The wait named to clients where nothing is allowed at all. */
const maxWaitSeconds = 3600;

/** Allows each client a number of requests a minute, all at once if it likes. */
export class RateLimit {
  readonly #perMinute: number;
  readonly #maxClients: number;
  readonly #nowMs: () => number;
  /** the most recently seen at the end */
  readonly #buckets = new Map<string, Bucket>();
  /** requests turned away so far */
  refused = 0;

  /**
   * @param maxClients beyond this number the least recently seen client is forgotten, and starts with a full bucket
   * @param nowMs a clock that is never set
   */
  constructor(perMinute: number, maxClients = 20_000, nowMs: () => number = () => performance.now()) {
    this.#perMinute = perMinute;
    this.#maxClients = maxClients;
    this.#nowMs = nowMs;
  }

  get clients(): number {
    return this.#buckets.size;
  }

  /** @param whose added to the message for a refused client @throws WireError `TOOMANYREQUESTS` with `Retry-After` */
  take(client: string, whose = ""): void {
    const bucket = this.#bucketOf(client);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return;
    }
    this.refused += 1;
    const waitMs = ((1 - bucket.tokens) * minuteMs) / this.#perMinute;
    const waitSeconds = Math.min(maxWaitSeconds, Math.max(1, Math.ceil(waitMs / 1000)));
    const headers = { "Retry-After": String(waitSeconds) };
    throw new WireError("TOOMANYREQUESTS", { detail: `at most ${this.#perMinute} a minute${whose}`, headers });
  }

  /** Refilled up to now, and moved to the recent end. */
  #bucketOf(client: string): Bucket {
    const now = this.#nowMs();
    const known = this.#buckets.get(client);
    if (known === undefined) return this.#newBucket(client, now);
    const grown = known.tokens + ((now - known.at) * this.#perMinute) / minuteMs;
    known.tokens = Math.min(this.#perMinute, grown);
    known.at = now;
    this.#buckets.delete(client);
    this.#buckets.set(client, known);
    return known;
  }

  #newBucket(client: string, at: number): Bucket {
    const oldest = this.#buckets.keys().next();
    if (this.#buckets.size >= this.#maxClients && oldest.done !== true) this.#buckets.delete(oldest.value);
    const bucket = { tokens: this.#perMinute, at };
    this.#buckets.set(client, bucket);
    return bucket;
  }
}

/** A limit for each kind of request that has one. */
export type RateLimits = Readonly<Partial<Record<RateClass, RateLimit>>>;

/** Requests a minute of one client address; an absent one has no limit. */
export interface RateSettings {
  readonly readsPerMinute?: number | undefined;
  readonly uploadsPerMinute?: number | undefined;
  readonly keyRequestsPerMinute?: number | undefined;
}

/** Makes the limits that are set. */
export function rateLimitsOf(settings: RateSettings): RateLimits {
  const { readsPerMinute, uploadsPerMinute, keyRequestsPerMinute } = settings;
  return {
    ...(readsPerMinute !== undefined && { reads: new RateLimit(readsPerMinute) }),
    ...(uploadsPerMinute !== undefined && { uploads: new RateLimit(uploadsPerMinute) }),
    ...(keyRequestsPerMinute !== undefined && { keys: new RateLimit(keyRequestsPerMinute) }),
  };
}
