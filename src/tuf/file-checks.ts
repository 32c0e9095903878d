/** Checks of a file besides its signatures: not older than what was seen, and the one that the snapshot lists. Expiry is in `expiry.ts`. */

import { MetadataError } from "../errors.ts";
import { verifyFileMeta } from "./file-hashes.ts";
import type { MetadataFile, RoleName, SnapshotBody } from "./metadata.ts";

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
      hint: `A later version of ${file.role} was seen here. Unless its owner tells you why, treat it as an attack.`,
    },
  );
}

/**
 * Compares a file with what a snapshot says about it. A file that it does not list is refused, however well it is signed.
 *
 * @throws MetadataError `METADATA_HASH_MISMATCH`, `METADATA_LENGTH_MISMATCH`
 */
export function requireListed(role: RoleName, bytes: Uint8Array, snapshot: SnapshotBody): void {
  const meta = snapshot.meta.get(role);
  if (meta === undefined) throw new MetadataError("METADATA_HASH_MISMATCH", `the snapshot does not list ${role}`);
  verifyFileMeta(role, bytes, meta);
}
