import { constants, verify } from "node:crypto";
import { isPem } from "./public-key.ts";
import type { PublicKey, VerificationKey } from "./public-key.ts";

/** One signature of a metadata file. */
export interface Signature {
  /** TUF key ID of the signer, as written in the file */
  readonly keyId: string;
  /** `ecdsa`, `rsapss`, `rsapkcs1v15`, `eddsa`, …; compared without regard to case */
  readonly method: string;
  readonly value: Uint8Array;
}

/** Length of the salt in RSA-PSS signatures, in bytes; no other length is accepted. */
export const pssSaltBytes = 32;

/**
 * Checks one signature. Never throws on hostile input: an unknown method or key type, a method that does not belong to
 * the key's type, malformed key bytes and a signature of the wrong length all simply do not verify. The caller compares
 * key IDs and counts.
 *
 * @param payload the canonical bytes that were signed; hashed with SHA-256 whatever the key's size
 * @see Notary v1: signatures
 */
export function verifySignature(key: PublicKey, signature: Signature, payload: Uint8Array): boolean {
  const verification = key.verificationKey();
  if (verification === undefined) return false;
  switch (signature.method.toLowerCase()) {
    case "ecdsa":
      return verifyEcdsa(verification, signature.value, payload);
    case "rsapss":
      return !isPem(key.bytes) || key.isX509 ? verifyPss(verification, signature.value, payload) : false;
    case "pycrypto-pkcs#1 pss":
      return key.keyType === "rsa" && isPem(key.bytes) && verifyPss(verification, signature.value, payload);
    case "rsapkcs1v15":
      return !isPem(key.bytes) || key.isX509 ? verifyPkcs1(verification, signature.value, payload) : false;
    case "eddsa":
      return verifyEd25519(verification, signature.value, payload);
    default:
      return false;
  }
}

/** Only r‖s of exactly the curve's length: accepting DER as well would give one signature many spellings. */
function verifyEcdsa({ info, handle }: VerificationKey, value: Uint8Array, payload: Uint8Array): boolean {
  if (info.algorithm !== "ecdsa" || value.length !== 2 * info.curve.coordinateBytes) return false;
  return verify("sha256", payload, { key: handle, dsaEncoding: "ieee-p1363" }, value);
}

function verifyPss({ info, handle }: VerificationKey, value: Uint8Array, payload: Uint8Array): boolean {
  if (info.algorithm !== "rsa" || value.length !== Math.ceil(info.modulusBits / 8)) return false;
  const options = { key: handle, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pssSaltBytes };
  return verify("sha256", payload, options, value);
}

function verifyPkcs1({ info, handle }: VerificationKey, value: Uint8Array, payload: Uint8Array): boolean {
  if (info.algorithm !== "rsa" || value.length !== Math.ceil(info.modulusBits / 8)) return false;
  return verify("sha256", payload, { key: handle, padding: constants.RSA_PKCS1_PADDING }, value);
}

function verifyEd25519({ info, handle }: VerificationKey, value: Uint8Array, payload: Uint8Array): boolean {
  return info.algorithm === "ed25519" && value.length === 64 && verify(null, payload, handle, value);
}
