import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { DerReader, derBitString, derNull, derOid, derSequence, derTag } from "../encoding/der.ts";
import { MetadataError } from "../errors.ts";
import { curves, oid } from "./oids.ts";
import type { Curve } from "./oids.ts";

/** What a SubjectPublicKeyInfo says, by algorithm. */
export type PublicKeyInfo =
  | { readonly algorithm: "ecdsa"; readonly curve: Curve }
  | { readonly algorithm: "rsa"; readonly modulusBits: number }
  | { readonly algorithm: "ed25519"; readonly raw: Uint8Array };

/** RSA keys below this are refused everywhere: their signatures can be forged with known means. */
export const minRsaBits = 2048;
/** RSA keys above this are refused too: a thousand signatures by giant keys would cost a reader minutes. */
export const maxRsaBits = 8192;

/**
 * Reads a SubjectPublicKeyInfo far enough to know what it may be used for. Whether a point lies on its curve is left to
 * the cryptographic library, which checks it when the key is first used.
 *
 * @throws EncodingError `DER_MALFORMED`
 * @throws MetadataError `KEY_UNSUPPORTED` for another algorithm or curve, `KEY_MALFORMED` for impossible contents and
 * for RSA outside {@link minRsaBits} to {@link maxRsaBits}
 * @see RFC 5280 §4.1.2.7, RFC 5480 §2, RFC 8410 §4
 */
export function parseSpki(der: Uint8Array): PublicKeyInfo {
  const outer = new DerReader(der, "public key");
  const info = outer.enter();
  outer.end();
  const algorithm = info.enter();
  const name = algorithm.oid();
  const key = info.bitString();
  info.end();
  if (name === oid.ecPublicKey) return ecInfo(algorithm, key);
  if (name === oid.rsaEncryption) return rsaInfo(algorithm, key);
  if (name === oid.ed25519) return ed25519Info(algorithm, key);
  throw new MetadataError("KEY_UNSUPPORTED", `Public key algorithm ${name} is not supported`);
}

/** Writes an Ed25519 public key of 32 bytes as a SubjectPublicKeyInfo. */
export function ed25519Spki(raw: Uint8Array): Buffer {
  return derSequence(derSequence(derOid(oid.ed25519)), derBitString(raw));
}

/** Writes an RSAPublicKey (PKCS#1) as a SubjectPublicKeyInfo. */
export function rsaSpki(pkcs1: Uint8Array): Buffer {
  return derSequence(derSequence(derOid(oid.rsaEncryption), derNull()), derBitString(pkcs1));
}

/**
 * The accepted curve with this object identifier.
 *
 * @throws MetadataError `KEY_UNSUPPORTED`
 */
export function curveByOid(dotted: string): Curve {
  const curve = curves.find((candidate) => candidate.oid === dotted);
  if (curve === undefined) throw new MetadataError("KEY_UNSUPPORTED", `Elliptic curve ${dotted} is not supported`);
  return curve;
}

/**
 * Checks the size of an RSA modulus.
 *
 * @returns the modulus length in bits
 * @throws MetadataError `KEY_MALFORMED` outside {@link minRsaBits} to {@link maxRsaBits}
 */
export function checkModulus(modulus: Uint8Array): number {
  const bits = (modulus.length - 1) * 8 + (32 - Math.clz32(modulus[0] ?? 0));
  if (bits < minRsaBits || bits > maxRsaBits)
    throw new MetadataError("KEY_MALFORMED", `RSA key has ${bits} bits, expected ${minRsaBits} to ${maxRsaBits}`);
  return bits;
}

/**
 * A SubjectPublicKeyInfo as the platform's key; undefined when the platform will not have it, for instance because its
 * point is not on the curve.
 */
export function platformPublicKey(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    // Platforms differ in what they throw here; whatever it is, this key verifies nothing.
    return undefined;
  }
}

function ecInfo(algorithm: DerReader, point: Uint8Array): PublicKeyInfo {
  const curve = curveByOid(algorithm.oid());
  algorithm.end();
  // Only the uncompressed form: others would give one key several IDs.
  if (point.length !== 1 + 2 * curve.coordinateBytes || point[0] !== 4)
    throw new MetadataError("KEY_MALFORMED", `Public key on ${curve.name} is not an uncompressed point`);
  return { algorithm: "ecdsa", curve };
}

function rsaInfo(algorithm: DerReader, key: Uint8Array): PublicKeyInfo {
  if (!algorithm.done) algorithm.read(derTag.null);
  algorithm.end();
  const outer = new DerReader(key, "RSA public key");
  const numbers = outer.enter();
  outer.end();
  const modulusBits = checkModulus(numbers.unsignedBytes());
  const exponent = numbers.unsignedBytes();
  numbers.end();
  // Above 2^31 other readers refuse it, and each verification takes several times as long.
  const isTooLarge = exponent.length > 4 || (exponent.length === 4 && (exponent[0] ?? 0) >= 0x80);
  if (isTooLarge || ((exponent.at(-1) ?? 0) & 1) === 0 || (exponent.length === 1 && exponent[0] === 1))
    throw new MetadataError("KEY_MALFORMED", "RSA public exponent is not an odd number from 3 to 2^31");
  return { algorithm: "rsa", modulusBits };
}

function ed25519Info(algorithm: DerReader, raw: Uint8Array): PublicKeyInfo {
  algorithm.end();
  if (raw.length !== 32) throw new MetadataError("KEY_MALFORMED", `Ed25519 key has ${raw.length} bytes, expected 32`);
  return { algorithm: "ed25519", raw };
}
