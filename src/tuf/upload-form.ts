/**
 * What the server refuses although the reference accepts it, because some reader would fail on it later: invariant I8, no client can be
 * bricked. Off-spec: every rule in this file.
 */

import type { PublicKey } from "../crypto/public-key.ts";
import { MetadataError } from "../errors.ts";
import { highestVersion } from "./collection-draft.ts";
import type { AnyBody, MetadataFile, TargetsFile } from "./metadata.ts";
import { fileBytes, isReferenceSerialisation } from "./notary-v1/serialise.ts";
import type { PathPrefixes } from "./path-prefixes.ts";
import { requireTargetName } from "./target-name.ts";
import { verifiesOnce } from "./threshold.ts";
import type { RoleSigners } from "./role-signers.ts";

/** How far one upload may raise a version: more than any restored backup is behind, far too little to exhaust the numbers. */
export const maxVersionStep = 2 ** 20;

/**
 * Refuses bytes that a reader, writing the parsed file again to hash it, would write differently: white space, another member order,
 * unknown members, times or lists spelled otherwise.
 *
 * @throws MetadataError `METADATA_MALFORMED`
 * @see Notary v1: file bytes
 */
export function requireReferenceForm(file: MetadataFile): void {
  if (isReferenceSerialisation(file)) return;
  const rewritten = fileBytes(file.body, file.signatures);
  const at = firstDifference(file.bytes, rewritten);
  throw new MetadataError(
    "METADATA_MALFORMED",
    `${file.role} is not in the one form whose hash all readers agree on: at byte ${at} it has ${excerpt(file.bytes, at)}, expected ${excerpt(rewritten, at)}`,
    { hint: "Send the file as the reference client writes it: no white space, no unknown members, members in order." },
  );
}

/**
 * Refuses versions so high that none would remain for later files.
 *
 * @param storedVersion 0 when nothing is stored
 * @throws MetadataError `METADATA_MALFORMED`
 */
export function requireVersionInRange(file: MetadataFile, storedVersion: number): void {
  const { version } = file.body;
  const highest = Math.min(highestVersion, storedVersion + maxVersionStep);
  if (version <= highest) return;
  throw new MetadataError(
    "METADATA_MALFORMED",
    `${file.role} has version ${version}, the highest accepted now is ${highest}`,
  );
}

/**
 * Refuses keys listed under a wrong ID: the first signature by such a key stops every reader.
 *
 * @throws MetadataError `METADATA_KEY_ID_MISMATCH`
 */
export function requireOwnKeyIds(file: MetadataFile): void {
  for (const [id, key] of keysOf(file.body)) {
    if (key.keyId === id) continue;
    throw new MetadataError(
      "METADATA_KEY_ID_MISMATCH",
      `key ID is not valid for key content: ${file.role} lists ${key.keyId} as ${id}`,
    );
  }
}

/**
 * Refuses a signature in the name of one of the role's keys that this key did not make. It does no harm while other signatures reach the
 * threshold, but later readers cannot distinguish it from damage.
 *
 * @throws MetadataError `METADATA_THRESHOLD_NOT_MET`
 */
export function requireOwnSignatures(file: MetadataFile, { roleKeys, keys }: RoleSigners): void {
  const ids = new Set(roleKeys.keyIds);
  for (const signature of file.signatures) {
    const key = ids.has(signature.keyId) ? keys.get(signature.keyId) : undefined;
    if (key === undefined || verifiesOnce(key, signature, file.signedBytes)) continue;
    throw new MetadataError(
      "METADATA_THRESHOLD_NOT_MET",
      `${file.role} carries a signature in the name of ${signature.keyId} that is not by that key`,
    );
  }
}

/**
 * Refuses entries that readers must not meet: invalid names, names that the role may not sign.
 *
 * @param paths the names this role may sign, within the limits of its ancestors
 * @throws MetadataError `METADATA_MALFORMED`
 */
export function requireUsableNames(file: TargetsFile, paths: PathPrefixes): void {
  for (const name of file.body.targets.keys()) {
    requireTargetName(name);
    if (!paths.covers(name)) {
      throw new MetadataError(
        "METADATA_MALFORMED",
        `${file.role} may not sign ${JSON.stringify(name)}: its paths do not cover that name`,
      );
    }
  }
}

function keysOf(body: AnyBody): ReadonlyMap<string, PublicKey> {
  if (body.type === "root") return body.keys;
  return body.type === "targets" ? body.delegations.keys : new Map();
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

function excerpt(bytes: Uint8Array, at: number): string {
  return at >= bytes.length ? "nothing" : JSON.stringify(Buffer.from(bytes.subarray(at, at + 24)).toString("latin1"));
}
