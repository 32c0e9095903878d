/** Finds out what is wrong when everything seems expired: the files, or a clock. The trust server's answers show its clock. */

import { hasCode, reworded } from "../../errors.ts";
import { durationWords } from "../../tuf/timestamp-age.ts";
import type { TrustContext } from "../trust-context.ts";

/** The tolerated difference between two clocks, in milliseconds. */
const silentMs = 5 * 60_000;

/** Returns the same failure; if it is about time and the server's clock differs from this machine's, with a hint that says so. */
export function withClocks(error: unknown, { repository, now }: Pick<TrustContext, "repository" | "now">): unknown {
  if (!hasCode(error, "METADATA_EXPIRED", "METADATA_STALE", "ROOT_INVALID")) return error;
  const answered = repository.answeredAt;
  if (answered === undefined) return error;
  const difference = clockDifference(now(), answered);
  if (difference === undefined) return error;
  return reworded(error, { hint: `This ${difference}. Set the wrong one right, then try again.` });
}

/**
 * How this machine's clock differs from a trust server's, in words that begin with `machine's clock`; undefined while the difference is too
 * small to matter to what is signed for hours.
 */
export function clockDifference(own: Date, theirs: Date): string | undefined {
  const aheadMs = own.getTime() - theirs.getTime();
  if (Math.abs(aheadMs) <= silentMs) return undefined;
  const difference = `${durationWords(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead" : "behind"}`;
  return `machine's clock says ${own.toISOString()}, the trust server's ${theirs.toISOString()}: this machine is ${difference}`;
}
