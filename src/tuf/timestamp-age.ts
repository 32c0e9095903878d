/** How old a timestamp is. It says when it ends, and nothing about when it was signed. */

import { dayMs, lifetimeMs } from "./expiry-renewal.ts";

/** What trust servers give a timestamp unless told otherwise, in milliseconds: a day by Tagseal's, a fortnight by Notary's. */
const usualLifetimesMs: readonly number[] = [dayMs, lifetimeMs("timestamp")];

/** Clocks of client and server may differ by this much without a word. */
const clockSkewMs = 5 * 60_000;

/** What is known of one timestamp. */
export interface TimestampFacts {
  readonly expiresAt: Date;
  /** the earliest moment at which this machine had it; it was signed before */
  readonly seenAt: Date;
  /** what its server gives a timestamp, in milliseconds, if the user said so */
  readonly lifetimeMs?: number | undefined;
}

/**
 * When a timestamp was signed: its end less its lifetime. A lifetime that nobody told is taken for the shortest usual one that is not
 * shorter than the life it had left when it was first seen here.
 *
 * @returns undefined when no lifetime fits: then nothing is known of its age
 */
export function signedAt({ expiresAt, seenAt, lifetimeMs: given }: TimestampFacts): Date | undefined {
  const lifeSeenMs = expiresAt.getTime() - seenAt.getTime();
  const candidates = given === undefined ? usualLifetimesMs : [given];
  const lifetime = candidates.find((ms) => lifeSeenMs <= ms + clockSkewMs);
  return lifetime === undefined ? undefined : new Date(expiresAt.getTime() - lifetime);
}

/** A length of time for people, in the largest unit that fits: `40 s`, `3 h`, `12 d`. */
export function durationWords(ms: number): string {
  const units: readonly (readonly [unit: string, ms: number])[] = [
    ["d", dayMs],
    ["h", 3_600_000],
    ["min", 60_000],
  ];
  const [unit, unitMs] = units.find(([, length]) => ms >= length) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / unitMs))} ${unit}`;
}
