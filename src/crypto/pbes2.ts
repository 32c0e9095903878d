import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { DerReader, derInteger, derOctetString, derOid, derSequence, derTag } from "../encoding/der.ts";
import { KeyStoreError, MetadataError } from "../errors.ts";
import { oid } from "./oids.ts";

/** Passphrase stretching above this is refused when reading, or a planted key file could hang its reader. */
export const maxIterations = 10_000_000;

interface Parameters {
  readonly hash: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly cipher: "aes-128-cbc" | "aes-256-cbc";
  readonly keyBytes: number;
  readonly iv: Uint8Array;
}

/**
 * Encrypts a PKCS#8 private key in the one form Notary v1 can read back: PBES2, PBKDF2 with HMAC-SHA1 by omission of
 * the prf field, AES-256-CBC. Only the iteration count is free, so it is what makes guessing slow.
 *
 * @param der PrivateKeyInfo
 * @param passphrase not empty; its UTF-8 bytes are used
 * @param iterations from 1 to {@link maxIterations}
 * @returns EncryptedPrivateKeyInfo
 * @see RFC 8018 §6.2, Notary v1: key encryption as written
 */
export function encryptPkcs8(der: Uint8Array, passphrase: string, iterations: number): Uint8Array {
  const salt = randomBytes(8);
  const iv = randomBytes(16);
  const key = deriveKey(passphrase, { hash: "sha1", salt, iterations, cipher: "aes-256-cbc", keyBytes: 32, iv });
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const encrypted = Buffer.concat([cipher.update(der), cipher.final()]);
  const kdf = derSequence(derOid(oid.pbkdf2), derSequence(derOctetString(salt), derInteger(iterations)));
  const scheme = derSequence(derOid(oid.aes256Cbc), derOctetString(iv));
  return derSequence(derSequence(derOid(oid.pbes2), derSequence(kdf, scheme)), derOctetString(encrypted));
}

/**
 * Decrypts an EncryptedPrivateKeyInfo: PBES2 with PBKDF2 (HMAC-SHA1 or HMAC-SHA256) and AES-128-CBC or AES-256-CBC.
 *
 * @returns PrivateKeyInfo
 * @throws KeyStoreError `PASSPHRASE_WRONG`
 * @throws EncodingError `DER_MALFORMED`
 * @throws MetadataError `KEY_UNSUPPORTED` for another scheme or more than {@link maxIterations}
 * @see RFC 8018 §6.2, A.2, A.4
 */
export function decryptPkcs8(der: Uint8Array, passphrase: string): Uint8Array {
  const outer = new DerReader(der, "encrypted private key");
  const info = outer.enter();
  outer.end();
  const parameters = parseParameters(info.enter());
  const encrypted = info.read(derTag.octetString);
  info.end();
  const decipher = createDecipheriv(parameters.cipher, deriveKey(passphrase, parameters), parameters.iv);
  return openWith(() => Buffer.concat([decipher.update(encrypted), decipher.final()]));
}

/** How an encrypted key is protected, readable without its passphrase. */
export interface Pbes2Description {
  /** as `HMAC-SHA1` */
  readonly prf: string;
  /** as `AES-256-CBC` */
  readonly cipher: string;
  /** rounds of stretching that each guess of the passphrase costs */
  readonly iterations: number;
}

/**
 * Describes the encryption of a key file.
 *
 * @param der EncryptedPrivateKeyInfo
 * @throws EncodingError `DER_MALFORMED`; MetadataError `KEY_UNSUPPORTED` for a scheme that {@link decryptPkcs8} does not read
 */
export function describePbes2(der: Uint8Array): Pbes2Description {
  const { hash, cipher, iterations } = parseParameters(new DerReader(der, "encrypted private key").enter().enter());
  return { prf: `HMAC-${hash.toUpperCase()}`, cipher: cipher.toUpperCase(), iterations };
}

/**
 * Runs a decryption and checks its result. These formats are not authenticated: a wrong passphrase shows as bad padding
 * or, once in 256 times, as bytes that are not one ASN.1 sequence.
 *
 * @throws KeyStoreError `PASSPHRASE_WRONG`
 */
export function openWith(decrypt: () => Uint8Array): Uint8Array {
  try {
    const opened = decrypt();
    const reader = new DerReader(opened, "decrypted private key");
    reader.enter();
    reader.end();
    return opened;
  } catch (cause) {
    throw new KeyStoreError("PASSPHRASE_WRONG", "The passphrase does not open the private key", { cause });
  }
}

function deriveKey(passphrase: string, { hash, salt, iterations, keyBytes }: Parameters): Buffer {
  return pbkdf2Sync(passphrase, salt, iterations, keyBytes, hash);
}

function parseParameters(algorithm: DerReader): Parameters {
  if (algorithm.oid() !== oid.pbes2) throw unsupported("it is not encrypted with PBES2");
  const parameters = algorithm.enter();
  algorithm.end();
  const kdf = parseKdf(parameters.enter());
  const scheme = parseScheme(parameters.enter());
  parameters.end();
  if (kdf.keyLength !== undefined && kdf.keyLength !== scheme.keyBytes) throw unsupported("key lengths contradict");
  return { ...kdf, ...scheme };
}

interface Kdf extends Pick<Parameters, "hash" | "salt" | "iterations"> {
  readonly keyLength: number | undefined;
}

function parseKdf(kdf: DerReader): Kdf {
  if (kdf.oid() !== oid.pbkdf2) throw unsupported("its key derivation is not PBKDF2");
  const parameters = kdf.enter();
  kdf.end();
  const salt = parameters.read(derTag.octetString);
  const iterations = parameters.smallInteger();
  if (iterations < 1 || iterations > maxIterations)
    throw unsupported(`${iterations} iterations, expected 1 to ${maxIterations}`);
  const keyLength = parameters.peekTag() === derTag.integer ? parameters.smallInteger() : undefined;
  const hash = parameters.done ? "sha1" : parseHash(parameters.enter());
  parameters.end();
  return { salt, iterations, keyLength, hash };
}

function parseHash(prf: DerReader): string {
  const name = prf.oid();
  prf.optional(derTag.null);
  prf.end();
  if (name === oid.hmacSha1) return "sha1";
  if (name === oid.hmacSha256) return "sha256";
  throw unsupported(`pseudo-random function ${name}`);
}

function parseScheme(scheme: DerReader): Pick<Parameters, "cipher" | "keyBytes" | "iv"> {
  const name = scheme.oid();
  if (name !== oid.aes128Cbc && name !== oid.aes256Cbc) throw unsupported(`cipher ${name}`);
  const iv = scheme.read(derTag.octetString);
  scheme.end();
  if (iv.length !== 16) throw unsupported(`an initialisation vector of ${iv.length} bytes, expected 16`);
  return name === oid.aes128Cbc
    ? { cipher: "aes-128-cbc", keyBytes: 16, iv }
    : { cipher: "aes-256-cbc", keyBytes: 32, iv };
}

function unsupported(reason: string): MetadataError {
  return new MetadataError("KEY_UNSUPPORTED", `Encrypted private key cannot be read: ${reason}`, {
    hint: "Convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1",
  });
}
