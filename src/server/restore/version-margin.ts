/** How far versions must be raised after a restore. */

import { UsageError } from "../../errors.ts";
import { maxVersionStep } from "../../tuf/upload-form.ts";
import type { Lifetimes } from "../freshness/lifetimes.ts";

/**
 * How many versions of one collection may have been published since a backup, on the safe side: one publication each second, day and night,
 * and each renewal the server can have made by itself, the earliest at half of a timestamp's lifetime.
 *
 * Never more than `maxVersionStep`, which the rule reaches after twelve days: no publisher makes a million publications in a few weeks, and the
 * highest version is two thousand times that number.
 *
 * @param ageMs how old the backup was when it was restored
 */
export function versionsSince(ageMs: number, { timestampMs }: Pick<Lifetimes, "timestampMs">): number {
  const publications = Math.ceil(ageMs / 1000);
  const renewals = Math.ceil(ageMs / (timestampMs / 2));
  return Math.min(publications + renewals + 1, maxVersionStep);
}

/** Parses a number of versions, and refuses one that would exhaust them. @throws UsageError `USAGE` */
export function parseMargin(text: string): number {
  const by = /^\d{1,7}$/u.test(text) ? Number(text) : 0;
  if (by >= 1 && by <= maxVersionStep) return by;
  throw new UsageError("USAGE", `--by: expected a number from 1 to ${maxVersionStep}, got ${JSON.stringify(text)}`, {
    hint: "Readers only need a version above the one they have seen: 100000 is enough for a day.",
  });
}
