/**
 * Which versions of a collection may be forgotten. Pure: takes the stored versions and the time, returns the versions no reader needs.
 *
 * A file counts as old from the moment a later version of its role was stored, not from its own signing: a snapshot that was current until yesterday
 * may be in a client's cache today, however long ago it was signed.
 */

import { encodeHex } from "../../encoding/hex.ts";
import type { FileMeta, RoleName } from "../../tuf/metadata.ts";
import type { FileVersion } from "../storage/stored-file.ts";

/** What to keep in addition to what is always kept. */
export interface RetentionPolicy {
  readonly now: Date;
  /** milliseconds a version stays after a later one was stored */
  readonly keepMs: number;
}

/** A parsed snapshot that stays: the files it names stay too. */
export type SnapshotEntries = ReadonlyMap<RoleName, Pick<FileMeta, "hashes">>;

/**
 * The versions kept for their own sake: every root, the newest version of every role, and every version that was the newest at any moment of the last `keepMs`.
 *
 * @param versions of one collection, in any order
 */
export function keptByAge(versions: readonly FileVersion[], { now, keepMs }: RetentionPolicy): FileVersion[] {
  const oldest = now.getTime() - keepMs;
  return [...Map.groupBy(versions, ({ role }) => role)].flatMap(([role, ofRole]) => {
    const sorted = ofRole.toSorted((one, other) => one.version - other.version);
    return sorted.filter((file, index) => {
      const successor = sorted[index + 1];
      return role === "root" || successor === undefined || supersededAt(file, successor) >= oldest;
    });
  });
}

/**
 * The versions that may be removed: neither kept by age nor named by a kept snapshot.
 *
 * @param snapshots every snapshot among `keptByAge(versions, policy)`, parsed
 */
export function forgettable(
  versions: readonly FileVersion[],
  snapshots: Iterable<SnapshotEntries>,
  policy: RetentionPolicy,
): FileVersion[] {
  const kept = new Set(keptByAge(versions, policy).map(nameOf));
  for (const entries of snapshots) {
    for (const [role, { hashes }] of entries) {
      const sha256 = hashes.get("sha256");
      if (sha256 !== undefined) kept.add(nameOf({ role, sha256: encodeHex(sha256) }));
    }
  }
  return versions.filter((file) => !kept.has(nameOf(file)));
}

function nameOf({ role, sha256 }: Pick<FileVersion, "role" | "sha256">): string {
  return `${role}.${sha256}`;
}

/** A clock that was set back must not make a file older than possible. */
function supersededAt(file: FileVersion, successor: FileVersion): number {
  return Math.max(file.createdAt.getTime(), successor.createdAt.getTime());
}
