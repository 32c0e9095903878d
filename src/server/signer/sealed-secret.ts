/**
 * How private keys are stored on the server's disk: each in a compact JWE under a passphrase, exactly as Notary's signer writes
 * its rows, so that keys can move between the two.
 */

import { randomBytes } from "node:crypto";
import { compactDecrypt, CompactEncrypt } from "jose";
import { KeyStoreError } from "../../errors.ts";

/** Names of the two algorithms, as rows and headers spell them. */
export const sealing = { keyWrap: "PBES2-HS256+A128KW", encryption: "A256GCM" } as const;

/** As in Notary's signer, so that rows are interchangeable. The passphrase is generated, not chosen by a person. */
const iterations = 8192;
const saltBytes = 12;
/** a row with more iterations would keep the server busy instead of opening */
const maxIterations = 1_000_000;

/** Encrypts a secret under a passphrase. Notary v1: sealed private keys; RFC 7516, RFC 7518 §4.8. */
export async function sealSecret(secret: Uint8Array, passphrase: string): Promise<string> {
  return new CompactEncrypt(secret)
    .setProtectedHeader({ alg: sealing.keyWrap, enc: sealing.encryption })
    .setKeyManagementParameters({ p2c: iterations, p2s: randomBytes(saltBytes) })
    .encrypt(Buffer.from(passphrase, "utf8"));
}

/**
 * Opens what {@link sealSecret}, or Notary's signer, sealed.
 *
 * @throws KeyStoreError `PASSPHRASE_WRONG` when it does not open: a wrong passphrase and damage look the same
 */
export async function openSecret(sealed: string, passphrase: string): Promise<Uint8Array> {
  try {
    const { plaintext } = await compactDecrypt(sealed, Buffer.from(passphrase, "utf8"), {
      keyManagementAlgorithms: [sealing.keyWrap],
      contentEncryptionAlgorithms: [sealing.encryption],
      maxPBES2Count: maxIterations,
    });
    return plaintext;
  } catch (error) {
    if (!isSealError(error)) throw error;
    throw new KeyStoreError(
      "PASSPHRASE_WRONG",
      "Cannot open a sealed signer key: wrong passphrase, or the key is damaged",
      {
        cause: error,
        hint: "Start the server with the passphrase that sealed its keys, or restore signer.db and signer.passphrase together.",
      },
    );
  }
}

/** Errors of the JWE library carry codes such as `ERR_JWE_DECRYPTION_FAILED`; malformed base64 inside is a TypeError there. */
function isSealError(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_J");
}
