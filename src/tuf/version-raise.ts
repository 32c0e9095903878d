/** Signs the server's roles again with higher versions, after versions that readers have seen were lost. */

import { nextVersion } from "./collection-draft.ts";
import type { MetadataFile, RootFile, ServerRole } from "./metadata.ts";
import {
  holdsKeyOf,
  makeSnapshot,
  makeTimestamp,
  type ServerSignedCollection,
  type ServerSigning,
} from "./server-signing.ts";
import { StoredView } from "./stored-roles.ts";
import { TrustedMetadata } from "./trusted-metadata.ts";
import { UpdateRefused } from "./update-refused.ts";
import { type ValidatedFile, validatedFile } from "./validated-file.ts";

/** One collection, and how far to raise it. */
export interface RaiseInput extends ServerSignedCollection {
  /** 1 or more: added to both versions */
  readonly by: number;
}

/** What raising a collection changes. */
export interface VersionChanges {
  readonly timestamp: VersionChange;
  /** absent when only the owner can sign a snapshot */
  readonly snapshot?: VersionChange | undefined;
}

/** A version before and after. */
export interface VersionChange {
  readonly from: number;
  readonly to: number;
}

/** What to store in one transaction, and the versions it changes. */
export interface VersionRaise extends VersionChanges {
  /** @throws UpdateRefused when the keys that are held do not reach the threshold */
  sign(): Promise<readonly ValidatedFile[]>;
}

/**
 * Prepares a timestamp, and a snapshot with the same entries when its key is held, whose versions are `by` above those that are stored.
 *
 * @returns undefined for a collection that does not exist
 * @throws MetadataError `METADATA_EXPIRED`, `ROOT_INVALID` for a root that no reader accepts; `METADATA_MALFORMED` beyond the highest version
 * @throws UpdateRefused when the timestamp's key is not held; what `stored` and `keys` throw
 */
export async function prepareRaise(input: RaiseInput): Promise<VersionRaise | undefined> {
  const { gun, keys, now, by } = input;
  const stored = new StoredView(input.stored);
  const [root, timestamp] = [await stored.parsed("root"), await stored.parsed("timestamp")];
  const snapshot = await stored.parsed("snapshot");
  if (root === undefined || timestamp === undefined || snapshot === undefined) return undefined;
  const trusted = new TrustedMetadata({ gun, now });
  trusted.load("root", root);
  await requireTimestampKey(trusted, root, keys);
  const isSnapshotHeld = await holdsKeyOf("snapshot", trusted.signersOf("snapshot"), keys);
  const signing = (role: ServerRole, from: number, validForMs: number | undefined): ServerSigning => ({
    signers: trusted.signersOf(role),
    keys,
    now,
    validForMs,
    publishedVersion: from + by - 1,
  });
  return {
    timestamp: raised(timestamp, by),
    snapshot: isSnapshotHeld ? raised(snapshot, by) : undefined,
    sign: async () => {
      const ownSigning = signing("snapshot", snapshot.body.version, input.snapshotLifetimeMs);
      const next = isSnapshotHeld ? await makeSnapshot(snapshot, new Map(), ownSigning) : snapshot;
      const last = await makeTimestamp(
        timestamp,
        next.bytes,
        signing("timestamp", timestamp.body.version, input.timestampLifetimeMs),
      );
      return [...(isSnapshotHeld ? [next] : []), last].map(validatedFile);
    },
  };
}

async function requireTimestampKey(
  trusted: TrustedMetadata,
  { body: { version } }: RootFile,
  keys: RaiseInput["keys"],
): Promise<void> {
  if (await holdsKeyOf("timestamp", trusted.signersOf("timestamp"), keys)) return;
  throw new UpdateRefused("ErrBadRoot", `the server does not have the timestamp key that root ${version} names`);
}

function raised({ role, body: { version: from } }: MetadataFile, by: number): VersionChange {
  return { from, to: nextVersion(role, from + by - 1) };
}
