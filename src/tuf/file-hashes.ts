/** Comparing a file's bytes with what another file says about it. */

import { sha256, sha512 } from "../crypto/sha256.ts";
import { encodeHex } from "../encoding/hex.ts";
import { MetadataError } from "../errors.ts";
import type { FileMeta } from "./metadata.ts";

const digests: ReadonlyMap<string, (bytes: Uint8Array) => Uint8Array> = new Map([
  ["sha256", sha256],
  ["sha512", sha512],
]);

/**
 * Checks a file's length and every hash listed for it whose algorithm is known.
 *
 * @param name the name of the file in messages
 * @throws MetadataError `METADATA_LENGTH_MISMATCH`; `METADATA_HASH_MISMATCH`, also when no known algorithm is listed
 * @see Notary v1: update loop, checks; TUF 1.0.34 §5.5.2
 */
export function verifyFileMeta(name: string, bytes: Uint8Array, meta: FileMeta): void {
  if (bytes.length !== meta.length) {
    const reason = `${name} has ${bytes.length} bytes, expected ${meta.length}`;
    throw new MetadataError("METADATA_LENGTH_MISMATCH", reason);
  }
  verifyHashes(name, bytes, meta.hashes);
}

/** The SHA-256 a file is asked for by, in hex; `undefined` when none is listed. */
export function consistentHash(meta: FileMeta | undefined): string | undefined {
  const hash = meta?.hashes.get("sha256");
  return hash === undefined ? undefined : encodeHex(hash);
}

function verifyHashes(name: string, bytes: Uint8Array, hashes: FileMeta["hashes"]): void {
  if (!listsKnownHash(hashes)) {
    const reason = `no checksums for supported algorithms were provided for ${name}`;
    throw new MetadataError("METADATA_HASH_MISMATCH", reason);
  }
  const algorithm = firstMismatch(bytes, hashes);
  if (algorithm === undefined) return;
  const expected = encodeHex(hashes.get(algorithm) ?? new Uint8Array());
  throw new MetadataError(
    "METADATA_HASH_MISMATCH",
    `${algorithm} checksum for ${name} did not match: expected ${expected}`,
  );
}

function listsKnownHash(hashes: FileMeta["hashes"]): boolean {
  return digests.keys().some((algorithm) => hashes.has(algorithm));
}

/** All of the known ones must match: an attacker who can forge the weakest must not succeed. */
function firstMismatch(bytes: Uint8Array, hashes: FileMeta["hashes"]): string | undefined {
  for (const [algorithm, digest] of digests) {
    const expected = hashes.get(algorithm);
    if (expected !== undefined && !Buffer.from(digest(bytes)).equals(expected)) return algorithm;
  }
  return undefined;
}
