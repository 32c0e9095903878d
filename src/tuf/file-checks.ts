/** What is asked of a file besides its signatures: not older than what was seen, not expired, the one the snapshot lists. */

import { MetadataError } from "../errors.ts";
import { verifyFileMeta } from "./file-hashes.ts";
import type { MetadataFile, RoleName, SnapshotBody } from "./metadata.ts";
import { displayTime } from "./notary-v1/time.ts";

/**
 * Refuses a version below the lowest that is no rollback.
 *
 * @throws MetadataError `METADATA_VERSION_ROLLBACK`
 */
export function requireVersion(file: MetadataFile, minVersion: number): void {
  if (file.body.version >= minVersion) return;
  throw new MetadataError(
    "METADATA_VERSION_ROLLBACK",
    `version ${file.body.version} is lower than current version ${minVersion}`,
    {
      hint: `${file.role} was seen here in a later version. Unless its owner tells you why, treat it as an attack.`,
    },
  );
}

/**
 * Refuses a file whose time is over.
 *
 * @throws MetadataError `METADATA_EXPIRED`
 */
export function requireFresh(file: MetadataFile, now: Date): void {
  if (now <= file.body.expiresAt) return;
  throw new MetadataError("METADATA_EXPIRED", `${file.role} expired at ${displayTime(file.body.expiresAt)}`, {
    hint: staleHint(file.role),
  });
}

/** Who has to sign again: the server renews two of the roles by itself, and one that does not may be held back on the way. */
function staleHint(role: RoleName): string {
  if (role === "timestamp" || role === "snapshot")
    return "The trust server no longer renews it, or somebody keeps newer files from you; ask whoever runs the server, and check this machine's clock.";
  return "Whoever holds its key must publish again; check this machine's clock, too.";
}

/**
 * Compares a file with what a snapshot says about it. A file it does not list is refused, however well it is signed.
 *
 * @throws MetadataError `METADATA_HASH_MISMATCH`, `METADATA_LENGTH_MISMATCH`
 */
export function requireListed(role: RoleName, bytes: Uint8Array, snapshot: SnapshotBody): void {
  const meta = snapshot.meta.get(role);
  if (meta === undefined) throw new MetadataError("METADATA_HASH_MISMATCH", `the snapshot does not list ${role}`);
  verifyFileMeta(role, bytes, meta);
}
