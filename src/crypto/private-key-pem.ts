import { createDecipheriv, createHash } from "node:crypto";
import type { PemBlock } from "../encoding/pem.ts";
import { decodeHex } from "../encoding/hex.ts";
import { MetadataError } from "../errors.ts";
import { decryptPkcs8, openWith } from "./pbes2.ts";
import { PrivateKey } from "./private-key.ts";

const encryptedLabel = "ENCRYPTED PRIVATE KEY";
const plainReaders: Readonly<Record<string, (der: Uint8Array) => PrivateKey>> = {
  "PRIVATE KEY": (der) => PrivateKey.fromPkcs8(der),
  "EC PRIVATE KEY": (der) => PrivateKey.fromSec1(der),
  "RSA PRIVATE KEY": (der) => PrivateKey.fromPkcs1(der),
};

/** True for a PEM block of a kind that holds a private key, encrypted or not. */
export function isPrivateKeyBlock(block: PemBlock): boolean {
  return block.label === encryptedLabel || Object.hasOwn(plainReaders, block.label);
}

/** True for a private key block that needs a passphrase. */
export function isEncryptedBlock(block: PemBlock): boolean {
  return block.label === encryptedLabel || block.headers.has("DEK-Info");
}

/**
 * Reads the private key of a PEM block: PKCS#8 (also encrypted with PBES2), SEC1 and PKCS#1 (also with the legacy
 * `DEK-Info` encryption).
 *
 * @param passphrase ignored for blocks that are not encrypted
 * @throws KeyStoreError `PASSPHRASE_WRONG`
 * @throws EncodingError `DER_MALFORMED`
 * @throws MetadataError `KEY_UNSUPPORTED`, `KEY_MALFORMED`
 */
export function readPrivateKeyBlock(block: PemBlock, passphrase: string): PrivateKey {
  if (block.label === encryptedLabel) return PrivateKey.fromPkcs8(decryptPkcs8(block.bytes, passphrase));
  const read = Object.hasOwn(plainReaders, block.label) ? plainReaders[block.label] : undefined;
  if (read === undefined)
    throw new MetadataError("KEY_UNSUPPORTED", `A PEM block of kind ${block.label} holds no private key`);
  return read(isEncryptedBlock(block) ? decryptLegacy(block, passphrase) : block.bytes);
}

const legacyCiphers: Readonly<Record<string, { readonly name: string; readonly keyBytes: number }>> = {
  "AES-128-CBC": { name: "aes-128-cbc", keyBytes: 16 },
  "AES-192-CBC": { name: "aes-192-cbc", keyBytes: 24 },
  "AES-256-CBC": { name: "aes-256-cbc", keyBytes: 32 },
  "DES-EDE3-CBC": { name: "des-ede3-cbc", keyBytes: 24 },
};

/** The encryption OpenSSL wrote before PKCS#8; its key derivation is weak, so these keys are only ever read. */
function decryptLegacy(block: PemBlock, passphrase: string): Uint8Array {
  const [name = "", ivHex = ""] = (block.headers.get("DEK-Info") ?? "").split(",");
  const cipher = Object.hasOwn(legacyCiphers, name) ? legacyCiphers[name] : undefined;
  if (cipher === undefined) throw new MetadataError("KEY_UNSUPPORTED", `Private key cipher ${name} is not supported`);
  const iv = decodeHex(ivHex.trim().toLowerCase());
  if (iv.length !== (name.startsWith("DES") ? 8 : 16))
    throw new MetadataError("KEY_MALFORMED", `Private key has an initialisation vector of ${iv.length} bytes`);
  const key = legacyKey(passphrase, iv.subarray(0, 8), cipher.keyBytes);
  return openWith(() => {
    const decipher = createDecipheriv(cipher.name, key, iv);
    return Buffer.concat([decipher.update(block.bytes), decipher.final()]);
  });
}

/** OpenSSL's EVP_BytesToKey with MD5 and one round. */
function legacyKey(passphrase: string, salt: Uint8Array, keyBytes: number): Buffer {
  let key = Buffer.alloc(0);
  let block = Buffer.alloc(0);
  while (key.length < keyBytes) {
    block = createHash("md5").update(block).update(passphrase, "utf8").update(salt).digest();
    key = Buffer.concat([key, block]);
  }
  return key.subarray(0, keyBytes);
}
