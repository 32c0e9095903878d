/**
 * Keys that exist before they are stored.
 *
 * A client asks for a key first and publishes a root that names it later, perhaps never. Storing a key for each request
 * would let anyone fill the disk; forgetting it would break the client that does publish. So a pending key is computed
 * from one sealed secret, the name of the collection, the role and a counter, and is stored only once it signs.
 */

import { hkdfSync } from "node:crypto";
import { curves } from "../../crypto/oids.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { TagsealError } from "../../errors.ts";

/** Which key to compute. */
export interface DerivationPath {
  readonly gun: string;
  readonly role: string;
  readonly algorithm: DerivedAlgorithm;
  /** how many keys of this role have been used before */
  readonly index: number;
}

/** Algorithms of computed keys: ECDSA on P-256, Ed25519. */
export type DerivedAlgorithm = "ecdsa" | "ed25519";

/** bytes of the secret from which all pending keys are derived */
export const derivationSecretBytes = 32;

const groupOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** 128 bits more than the order: the remainder's bias is then below 2^-128 */
const wideBytes = 48;

/**
 * Computes the key of a path. The same secret always gives the same key.
 *
 * @see RFC 5869 (HKDF-SHA-256), FIPS 186-5 A.2.1 (private keys from extra random bits), RFC 8032 §5.1.5
 */
export function deriveKey(secret: Uint8Array, { gun, role, algorithm, index }: DerivationPath): PrivateKey {
  if (algorithm === "ed25519")
    return PrivateKey.fromEd25519Seed(expand(secret, ["tagseal signer key 1", "ed25519", role, gun, index], 32));
  const wide = expand(secret, ["tagseal signer key 1", role, gun, index], wideBytes);
  const scalar = (BigInt(`0x${wide.toString("hex")}`) % (groupOrder - 1n)) + 1n;
  return PrivateKey.fromEcScalar(p256(), Buffer.from(scalar.toString(16).padStart(64, "0"), "hex"));
}

function expand(secret: Uint8Array, path: readonly (string | number)[], bytes: number): Buffer {
  // JSON separates the parts whatever they contain; the text is hashed because HKDF bounds the length of this argument.
  const info = sha256(Buffer.from(JSON.stringify(path), "utf8"));
  return Buffer.from(hkdfSync("sha256", secret, new Uint8Array(), info, bytes));
}

function p256() {
  const curve = curves.find(({ name }) => name === "P-256");
  if (curve === undefined) throw new TagsealError("INTERNAL", "P-256 is missing from the list of curves");
  return curve;
}
