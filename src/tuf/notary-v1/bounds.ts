/**
 * The limits of a file. Sizes are checked before the first byte is parsed. Every number is far above what an
 * honest repository reaches (the reference's own tests use 75,000 targets) and low enough that a hostile file does little harm.
 */

import type { RoleName } from "../metadata.ts";

const mebibyte = 1024 * 1024;

/**
 * The most bytes that a file of this role may have when no signed file states its length.
 *
 * Off-spec: the reference allows 100 MiB for a root. A root of 10 MiB would already hold ten thousand certificates.
 */
export function maxFileBytes(role: RoleName): number {
  if (role === "timestamp") return mebibyte;
  return role === "root" ? 10 * mebibyte : 100 * mebibyte;
}

/** Signatures in one file. Each costs a public-key operation to refuse. */
export const maxSignatures = 1024;
/** Keys in one file, and key IDs or paths of one role. */
export const maxKeys = 10_000;
/** Delegations declared by one file. */
export const maxDelegations = 10_000;
/** Algorithms listed for one target or file. */
export const maxHashes = 16;
/** Characters of a name: of a target, role, path, algorithm, key ID. */
export const maxNameLength = 4096;
/** Characters of a base64 value: the largest is a certificate chain. */
export const maxBase64Length = 128 * 1024;
