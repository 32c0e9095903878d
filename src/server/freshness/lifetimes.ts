/** How long what the server signs stays valid, and how long before its expiry it is signed again. */

import { dayMs, lifetimeMs } from "../../tuf/expiry.ts";
import type { LifeLeft, RenewalLead } from "../../tuf/timestamp-renewal.ts";

/** Milliseconds from signing to expiry. */
export interface Lifetimes {
  readonly timestampMs: number;
  readonly snapshotMs: number;
}

/** As in `notary-server`: a fortnight and three years. */
export const referenceLifetimes: Lifetimes = {
  timestampMs: lifetimeMs("timestamp"),
  snapshotMs: lifetimeMs("snapshot"),
};

/** A day, so that no attacker can present yesterday's tags as today's; the timestamp covers the snapshot, which keeps its three years. */
export const defaultLifetimes: Lifetimes = { timestampMs: dayMs, snapshotMs: referenceLifetimes.snapshotMs };

/** Clients warn half a year before a snapshot expires; no user should see that for one the server signs. */
const beforeClientsWarnMs = 210 * dayMs;

/** Half of the lifetime: a stopped signer is noticed while the other half remains. */
export function renewalLead(lifetimes: Lifetimes): RenewalLead & { readonly longest: LifeLeft } {
  const { timestampMs, snapshotMs } = lifetimes;
  const longest = longestLife(lifetimes);
  return { timestampMs: timestampMs / 2, snapshotMs: Math.min(snapshotMs / 2, beforeClientsWarnMs), longest };
}

/** The clocks of replicas may normally differ by this much. */
export const maxReplicaSkewMs = 5000;

/** The longest remaining life of a file: its lifetime, plus a little for differences between the clocks of replicas. */
function longestLife({ timestampMs, snapshotMs }: Lifetimes): LifeLeft {
  const slackMs = Math.min(60_000, timestampMs / 10);
  return { timestampMs: timestampMs + slackMs, snapshotMs: snapshotMs + slackMs };
}

/** A stored file: when it was signed, and when it expires, in milliseconds since 1970. */
export interface FileLife {
  readonly signedAt: number;
  readonly expiresAt: number;
}

/**
 * When a file that lasts longer than it may is to be signed again: at once when it was signed in the future, by a clock that was ahead. One signed
 * with another lifetime can wait a while: replicas with different settings must not keep replacing each other's files.
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
