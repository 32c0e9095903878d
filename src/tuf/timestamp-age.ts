/** The age of a timestamp. A timestamp states when it expires, not when it was signed. */

import { dayMs, lifetimeMs } from "./expiry.ts";

/** The default lifetimes of timestamps, in milliseconds: a day on Tagseal servers, a fortnight on Notary servers. */
const usualLifetimesMs: readonly number[] = [dayMs, lifetimeMs("timestamp")];

/** The tolerated difference between the clocks of client and server. */
const clockSkewMs = 5 * 60_000;

/** What is known of one timestamp. */
export interface TimestampFacts {
  readonly expiresAt: Date;
  /** the earliest moment at which this machine had it; it was signed before */
  readonly seenAt: Date;
  /** the lifetime that its server gives a timestamp, in milliseconds, if the user configured it */
  readonly lifetimeMs?: number | undefined;
}

/**
 * When a timestamp was signed: its expiry minus its lifetime. Without a configured lifetime it is the shortest usual one that is not
 * shorter than the remaining life when the timestamp was first seen here.
 *
 * @returns undefined when no lifetime fits: then nothing is known of its age
 */
export function signedAt({ expiresAt, seenAt, lifetimeMs: given }: TimestampFacts): Date | undefined {
  const lifeSeenMs = expiresAt.getTime() - seenAt.getTime();
  const candidates = given === undefined ? usualLifetimesMs : [given];
  const lifetime = candidates.find((ms) => lifeSeenMs <= ms + clockSkewMs);
  return lifetime === undefined ? undefined : new Date(expiresAt.getTime() - lifetime);
}

/** A duration for users, in the largest unit that fits: `40 s`, `3 h`, `12 d`. */
export function durationWords(ms: number): string {
  const units: readonly (readonly [unit: string, ms: number])[] = [
    ["d", dayMs],
    ["h", 3_600_000],
    ["min", 60_000],
  ];
  const [unit, unitMs] = units.find(([, length]) => ms >= length) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / unitMs))} ${unit}`;
}
