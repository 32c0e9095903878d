/** The one place that counts signatures, for client, editor and server. */

import type { PublicKey } from "../crypto/public-key.ts";
import { type Signature, verifySignature } from "../crypto/signature.ts";
import { hasCode, MetadataError } from "../errors.ts";
import type { MetadataFile, RoleKeys } from "./metadata.ts";

/**
 * Counts the keys of a role that validly signed a file. A key counts once, however many of its signatures appear; signatures by other
 * keys, by unknown methods and those that do not verify are ignored.
 *
 * Off-spec: two certificates for one key, or two spellings of one RSA key, have two TUF key IDs, and the reference counts them twice.
 * Here they are one key.
 *
 * @param keys the keys that `roleKeys` names, by the ID they are listed under
 * @returns the distinct IDs of the keys that signed, in the order of their signatures
 * @throws MetadataError `METADATA_THRESHOLD_NOT_MET` when fewer than `threshold` keys signed; `METADATA_MALFORMED` for a threshold
 *   below 1; `METADATA_KEY_ID_MISMATCH` when a key that signed is listed under an ID that is not its own
 * @see Notary v1: signatures
 */
export function verifyThreshold(
  file: Pick<MetadataFile<unknown>, "role" | "signatures" | "signedBytes">,
  roleKeys: RoleKeys,
  keys: ReadonlyMap<string, PublicKey>,
): string[] {
  const { role, signatures } = file;
  if (!Number.isSafeInteger(roleKeys.threshold) || roleKeys.threshold < 1) {
    throw new MetadataError("METADATA_MALFORMED", `invalid threshold specified for ${role}: ${roleKeys.threshold}`);
  }
  if (signatures.length === 0) throw unmet("tuf: data has no signatures", `${role} carries no signature at all.`);
  const allowed = new Set(roleKeys.keyIds);
  const signers = new Set<string>();
  for (const signature of signatures) {
    const key = allowed.has(signature.keyId) ? keys.get(signature.keyId) : undefined;
    if (key === undefined || signers.has(signature.keyId)) continue;
    requireOwnId(key, signature.keyId, role);
    if (verifiesOnce(key, signature, file.signedBytes)) signers.add(signature.keyId);
  }
  const distinct = countDistinct([...signers].map((id) => keys.get(id)));
  if (distinct >= roleKeys.threshold) return [...signers];
  throw unmet(
    `valid signatures did not meet threshold for ${role}`,
    `${distinct} of the ${allowed.size} keys of this role signed it, ${roleKeys.threshold} must.`,
  );
}

/**
 * Whether enough keys of a role signed a file: {@link verifyThreshold} as a question, for callers that check several roles. "No"
 * has two reasons: too few keys signed, or one of those that did is listed under an ID that is not its own, so that no reader accepts the
 * file. Every other error says nothing about signatures and is thrown.
 *
 * @throws MetadataError `METADATA_MALFORMED` for a threshold below 1
 */
export function isSignedBy(
  file: Pick<MetadataFile<unknown>, "role" | "signatures" | "signedBytes">,
  roleKeys: RoleKeys,
  keys: ReadonlyMap<string, PublicKey>,
): boolean {
  try {
    verifyThreshold(file, roleKeys, keys);
    return true;
  } catch (error) {
    if (hasCode(error, "METADATA_THRESHOLD_NOT_MET", "METADATA_KEY_ID_MISMATCH")) return false;
    throw error;
  }
}

/** Valid signatures, with what they are valid for. Parsed files never change, so the same three objects need no second check. */
const found = new WeakMap<Signature, { readonly key: PublicKey; readonly payload: Uint8Array }>();

/**
 * `verifySignature`, remembered: a root is verified by its predecessor's keys and by its own, an upload by its threshold and by
 * each signature it carries, mostly with the same key and the same bytes.
 */
export function verifiesOnce(key: PublicKey, signature: Signature, payload: Uint8Array): boolean {
  const known = found.get(signature);
  if (known !== undefined && known.key === key && known.payload === payload) return true;
  if (!verifySignature(key, signature, payload)) return false;
  found.set(signature, { key, payload });
  return true;
}

/** Without this check, one key could be listed under two IDs and count twice. */
function requireOwnId(key: PublicKey, listedAs: string, role: string): void {
  if (key.keyId === listedAs) return;
  const reason = `key ID is not valid for key content: ${role} lists ${key.keyId} as ${listedAs}`;
  throw new MetadataError("METADATA_KEY_ID_MISMATCH", reason);
}

/** The number of different keys; one under several names, such as two certificates for it, counts once. */
export function countDistinct(keys: readonly (PublicKey | undefined)[]): number {
  return keys.length < 2 ? keys.length : new Set(keys.map(materialOf)).size;
}

/** The key itself in one spelling: the platform writes every key in one way. */
function materialOf(key: PublicKey | undefined): string | undefined {
  return key?.verificationKey()?.handle.export({ format: "der", type: "spki" }).toString("base64");
}

/** The message is the one that docker users know, word for word; the details are in the hint. */
function unmet(message: string, hint: string): MetadataError {
  return new MetadataError("METADATA_THRESHOLD_NOT_MET", message, { hint });
}
