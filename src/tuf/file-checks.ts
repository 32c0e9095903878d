/** Checks of a file besides its signatures: not older than what was seen, not expired, the one that the snapshot lists. */

import { isServerRole } from "./role-name.ts";
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
      hint: `A later version of ${file.role} was seen here. Unless its owner tells you why, treat it as an attack.`,
    },
  );
}

/** Whose clock a file was compared with. */
export type ClockOwner = "this machine" | "this server";

/** What a clock shows, as part of a sentence. */
export function clockSays(owner: ClockOwner, now: Date): string {
  return `${owner}'s clock says ${now.toISOString()}`;
}

/**
 * Refuses an expired file.
 *
 * @throws MetadataError `METADATA_EXPIRED`
 */
export function requireFresh(file: MetadataFile, now: Date, clockOf: ClockOwner = "this machine"): void {
  if (now <= file.body.expiresAt) return;
  const expired = `${file.role} expired at ${displayTime(file.body.expiresAt)}`;
  // A publisher cannot see the server's clock.
  const message = clockOf === "this server" ? `${clockSays(clockOf, now)}, but ${expired}` : expired;
  throw new MetadataError("METADATA_EXPIRED", message, { hint: staleHint(file.role, clockSays(clockOf, now)) });
}

/** Who must sign again: the server renews two of the roles itself; if they are old, an attacker may be withholding newer files. */
function staleHint(role: RoleName, clock: string): string {
  if (isServerRole(role))
    return `Check the clock: ${clock}. If that is right, the trust server no longer renews this file, or somebody keeps newer files from you: ask the operator of the server.`;
  return `Its owner must publish again; check the clock, too: ${clock}.`;
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
