/** How long what the server signs stays valid, and how long before its end it is signed again. */

import { lifetimeMs } from "../../tuf/expiry-renewal.ts";
import type { RenewalLead } from "../../tuf/timestamp-renewal.ts";

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
export function renewalLead({ timestampMs, snapshotMs }: Lifetimes): RenewalLead {
  return { timestampMs: timestampMs / 2, snapshotMs: Math.min(snapshotMs / 2, beforeClientsWarnMs) };
}
