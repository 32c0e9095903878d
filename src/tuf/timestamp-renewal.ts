/** Keeps a collection readable without new publications: its timestamp lives a fortnight, its tags live for years. */

import { hasCode, MetadataError } from "../errors.ts";
import type { MetadataFile, SnapshotFile } from "./metadata.ts";
import { makeSnapshot, makeTimestamp, type ServerSignedCollection } from "./server-signing.ts";
import { StoredView } from "./stored-roles.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";
import { type ValidatedFile, validatedFile } from "./validated-file.ts";

/** One collection whose timestamp was requested. */
export interface RenewalInput extends ServerSignedCollection {
  /** how long before its end a file is signed again; default: once it has expired */
  readonly ahead?: RenewalLead | undefined;
}

/** Milliseconds of life that a timestamp and a snapshot have left. */
export interface LifeLeft {
  readonly timestampMs: number;
  readonly snapshotMs: number;
}

/** The remaining life a file must have, else it is signed again. */
export interface RenewalLead extends LifeLeft {
  /** a file that has more left was signed by a clock that was ahead, or with another lifetime, and is signed again, too; default: any length is accepted */
  readonly longest?: LifeLeft | undefined;
}

const onceExpired: RenewalLead = { timestampMs: 0, snapshotMs: 0 };
const anyLength: LifeLeft = { timestampMs: Number.POSITIVE_INFINITY, snapshotMs: Number.POSITIVE_INFINITY };

/**
 * Signs a new timestamp if the stored one has expired (or is `ahead` of that) or ends too late, and a new snapshot with the same entries
 * if that has expired or ends too late and its key is held.
 *
 * Off-spec: the reference checks the snapshot only once the timestamp has expired, and until then no client can read the collection.
 *
 * @returns what is to be stored, in one transaction; empty when nothing is stored, when nothing has expired that could be signed here,
 *   and when the root is expired, since no client would accept a fresher timestamp then
 * @throws UpdateRefused when the timestamp's key is not held; MetadataError when a stored file cannot be parsed; what `stored` and `keys` throw
 * @see Notary v1: reading semantics
 */
export async function renewTimestamp(input: RenewalInput): Promise<readonly ValidatedFile[]> {
  const stored = new StoredView(input.stored);
  const [timestamp, snapshot] = [await stored.parsed("timestamp"), await stored.parsed("snapshot")];
  if (timestamp === undefined || snapshot === undefined) return [];
  const { ahead = onceExpired } = input;
  const { longest = anyLength } = ahead;
  const isStale = isOutside(timestamp, input.now, ahead.timestampMs, longest.timestampMs);
  const isSnapshotStale = isOutside(snapshot, input.now, ahead.snapshotMs, longest.snapshotMs);
  const trusted = isStale || isSnapshotStale ? await trustedRoot(input, stored) : undefined;
  if (trusted === undefined) return [];
  const renewed = isSnapshotStale ? await renewedSnapshot(input, trusted, snapshot) : undefined;
  if (!isStale && renewed === undefined) return [];
  const { keys, now, timestampLifetimeMs } = input;
  const signing = { signers: trusted.signersOf("timestamp"), keys, now, validForMs: timestampLifetimeMs };
  const next = await makeTimestamp(timestamp, (renewed ?? snapshot).bytes, signing);
  return renewed === undefined ? [validatedFile(next)] : [validatedFile(renewed), validatedFile(next)];
}

/** Whether the remaining life of a file is below the lower limit or above the upper one. */
function isOutside({ body }: MetadataFile, now: Date, leastMs: number, mostMs: number): boolean {
  const leftMs = body.expiresAt.getTime() - now.getTime();
  return leftMs < leastMs || leftMs > mostMs;
}

async function trustedRoot(input: RenewalInput, stored: StoredView): Promise<TrustedMetadata | undefined> {
  const root = await stored.parsed("root");
  if (root === undefined) return undefined;
  const trusted = new TrustedMetadata({ gun: input.gun, now: input.now });
  try {
    trusted.load("root", root);
    return trusted;
  } catch (error) {
    // the root or its certificates are expired: readers refuse it, and so it verifies no keys
    if (error instanceof MetadataError) return undefined;
    throw error;
  }
}

/** Nothing when the owner holds the snapshot key: then only the owner can renew it. */
async function renewedSnapshot(
  { keys, now, snapshotLifetimeMs }: RenewalInput,
  trusted: TrustedMetadata,
  previous: SnapshotFile,
): Promise<SnapshotFile | undefined> {
  const signing = { signers: trusted.signersOf("snapshot"), keys, now, validForMs: snapshotLifetimeMs };
  try {
    return await makeSnapshot(previous, new Map(), signing);
  } catch (error) {
    if (hasCode(error, "UPDATE_REFUSED")) return undefined;
    throw error;
  }
}
