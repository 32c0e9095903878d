/** How long what the server signs stays valid, and how long before its end it is signed again. */

import { lifetimeMs } from "../../tuf/expiry-renewal.ts";
import type { LifeLeft, RenewalLead } from "../../tuf/timestamp-renewal.ts";

/** Milliseconds from signing to expiry. */
export interface Lifetimes {
  readonly timestampMs: number;
  readonly snapshotMs: number;
}

const dayMs = 86_400_000;

/** As `notary-server` has them: a fortnight and three years. */
export const referenceLifetimes: Lifetimes = {
  timestampMs: lifetimeMs("timestamp"),
  snapshotMs: lifetimeMs("snapshot"),
};

/** A day, so that nobody can pass off yesterday's tags as today's; the snapshot follows from the timestamp and keeps its three years. */
export const defaultLifetimes: Lifetimes = { timestampMs: dayMs, snapshotMs: referenceLifetimes.snapshotMs };

/** Clients warn half a year before a snapshot ends; nobody should ever see that of one the server signs. */
const beforeClientsWarnMs = 210 * dayMs;

/** Half of a life: a signer that stops is noticed with the other half still to go. */
export function renewalLead(lifetimes: Lifetimes): RenewalLead & { readonly longest: LifeLeft } {
  const { timestampMs, snapshotMs } = lifetimes;
  const longest = longestLife(lifetimes);
  return { timestampMs: timestampMs / 2, snapshotMs: Math.min(snapshotMs / 2, beforeClientsWarnMs), longest };
}

/** Clocks of replicas differ by this much without anything being wrong. */
export const maxReplicaSkewMs = 5000;

/** What a file may have left to live: its lifetime, and a little for clocks of replicas that are not quite the same. */
function longestLife({ timestampMs, snapshotMs }: Lifetimes): LifeLeft {
  const slackMs = Math.min(60_000, timestampMs / 10);
  return { timestampMs: timestampMs + slackMs, snapshotMs: snapshotMs + slackMs };
}

/** A stored file: when it was signed, and when it ends, in milliseconds since 1970. */
export interface FileLife {
  readonly signedAt: number;
  readonly expiresAt: number;
}

/**
 * When a file that lasts longer than it may is to be signed again: at once when it comes from the future, that is, from a clock that was ahead.
 * One that was signed with another lifetime can wait a while: replicas with different settings must not outdo each other all the time.
 *
 * @returns undefined for a file that does not last too long
 */
export function shortenAt(
  { signedAt, expiresAt }: FileLife,
  now: number,
  longestMs: number,
  waitMs: number,
): number | undefined {
  if (expiresAt - now <= longestMs) return undefined;
  return signedAt > now + maxReplicaSkewMs ? now : signedAt + waitMs;
}
