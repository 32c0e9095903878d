/** Public keys as tokens describe them, and as metadata has them. */
import { PublicKey } from "../../crypto/public-key.ts";
import { oid } from "../../crypto/oids.ts";
import { ed25519Spki, rsaSpki } from "../../crypto/spki.ts";
import { DerReader, derBitString, derInteger, derOid, derSequence, derTag } from "../../encoding/der.ts";
import { TagsealError } from "../../errors.ts";

/** Attributes of a public key object. Absent ones are empty. */
export interface PublicKeyAttributes {
  /** CKA_KEY_TYPE */
  readonly keyType: number;
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
  readonly ecParams: Uint8Array;
  readonly ecPoint: Uint8Array;
}

/** CKK_RSA, CKK_EC and CKK_EC_EDWARDS, which the addon does not know. */
export const keyKind = { rsa: 0, ec: 3, edwards: 0x40 } as const;

/** The key of a token's attributes; undefined when Tagseal cannot use such a key, or when they make no sense. */
export function publicKeyOf(attributes: PublicKeyAttributes): PublicKey | undefined {
  try {
    const spki = spkiOf(attributes);
    const key = spki && PublicKey.fromSpki(spki);
    return key?.verificationKey() === undefined ? undefined : key;
  } catch (error) {
    // Other programs keep other kinds of keys in the same token.
    if (error instanceof TagsealError) return undefined;
    throw error;
  }
}

function spkiOf({ keyType, modulus, exponent, ecParams, ecPoint }: PublicKeyAttributes): Uint8Array | undefined {
  switch (keyType) {
    case keyKind.rsa:
      return rsaSpki(derSequence(derInteger(modulus), derInteger(exponent)));
    case keyKind.ec:
      return derSequence(derSequence(derOid(oid.ecPublicKey), ecParams), derBitString(pointOf(ecPoint)));
    case keyKind.edwards:
      return ed25519Spki(pointOf(ecPoint));
    default:
      return undefined;
  }
}

/** PKCS#11 wants an OCTET STRING around the point; some modules return the point itself, which begins with the same byte. */
function pointOf(value: Uint8Array): Uint8Array {
  const reader = new DerReader(value, "EC point");
  try {
    const point = reader.read(derTag.octetString);
    reader.end();
    return point;
  } catch (error) {
    if (error instanceof TagsealError) return value;
    throw error;
  }
}
