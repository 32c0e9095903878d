/** Whether a cached file is what was written, by its form, its signatures and the cached snapshot; and the error for one that is not. */

import { MetadataError, hasCode } from "../errors.ts";
import { verifyFileMeta } from "./file-hashes.ts";
import type { FileMeta, MetadataFile, RoleName } from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { isSignedBy } from "./threshold.ts";
import type { RoleSigners } from "./role-signers.ts";
import type { MetadataCache } from "./update-options.ts";

/**
 * The error for a cached file that differs from what was written.
 *
 * @param reason completes "the cached root metadata is damaged: …"
 */
export function cacheCorrupt(cache: MetadataCache, role: RoleName, reason: string, cause?: unknown): MetadataError {
  const path = cache.locationOf?.(role);
  const consequence =
    role === "root"
      ? "the repository is then trusted again on first use"
      : "an older version then goes unnoticed in the next update, and only in that one";
  const message = `the cached ${role} metadata is damaged: ${reason}${path === undefined ? "" : ` (${path})`}`;
  return new MetadataError("METADATA_CACHE_CORRUPT", message, {
    cause,
    hint: `Find out what changed it. Only if you know, remove ${path ?? "the file"}: ${consequence}.`,
  });
}

/** True when the cached snapshot describes exactly this file. */
export function isDescribedBy(file: MetadataFile, meta: FileMeta): boolean {
  try {
    verifyFileMeta(file.role, file.bytes, meta);
    return true;
  } catch (error) {
    if (!hasCode(error, "METADATA_HASH_MISMATCH", "METADATA_LENGTH_MISMATCH")) throw error;
    return false;
  }
}

/** The file, or why it cannot be parsed; undefined when there are no bytes. */
export function parsedOrRefused(
  role: RoleName,
  bytes: Uint8Array | undefined,
): MetadataFile | MetadataError | undefined {
  if (bytes === undefined) return undefined;
  try {
    return parseMetadata(role, bytes);
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return error;
  }
}

/** `foreign`: no signature by these signers. `short`: valid signatures, too few. `broken`: a signature that does not verify. */
export function judgeSignatures(
  file: MetadataFile,
  { roleKeys, keys }: RoleSigners,
): "verified" | "foreign" | "short" | "broken" {
  if (isSignedBy(file, roleKeys, keys)) return "verified";
  const claimed = new Set(file.signatures.map((signature) => signature.keyId));
  const ours = [...new Set(roleKeys.keyIds)].filter((id) => claimed.has(id));
  if (ours.length === 0) return "foreign";
  const sound = ours.filter((id) => isSignedBy(file, { keyIds: [id], threshold: 1 }, keys));
  return sound.length === ours.length ? "short" : "broken";
}
