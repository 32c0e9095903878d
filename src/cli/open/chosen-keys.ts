/** Keys that are named on the command line: by the ID of a key on this machine, or by a file with a private or a public key. */
import { readFile, stat } from "node:fs/promises";
import { isPrivateKeyBlock } from "../../crypto/private-key-pem.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { parsePem } from "../../encoding/pem.ts";
import { KeyStoreError, UsageError } from "../../errors.ts";
import { isSystemError, systemReason } from "../../files/system-error.ts";
import { isKeyId, type KeyStore, type KeyUse, type PemKeyStore } from "../../keys/key-store.ts";
import { importKeys, maxImportLength } from "../../keys/key-transfer.ts";
import { readPublicKeyFile } from "./public-key-file.ts";

/** What the chosen keys are for. */
export interface ChosenKeysFor {
  readonly store: KeyStore;
  /** opened when a file has a private key */
  readonly files: () => Promise<PemKeyStore>;
  /** a private key in a file is kept for this */
  readonly use: KeyUse;
  readonly now: Date;
}

/**
 * The public keys that words name. A private key in a file is added to the key store first, under a passphrase that is asked for.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND`, `KEY_FILE_UNSAFE`, and as `importKeys`
 * @throws UsageError `FILE_UNREADABLE`, `KEY_MALFORMED`, `TOO_LARGE`
 */
export async function chosenKeys(words: readonly string[], wanted: ChosenKeysFor): Promise<readonly PublicKey[]> {
  const chosen: PublicKey[] = [];
  // One after the other: each may ask for a passphrase.
  for (const word of words)
    chosen.push(isKeyId(word) ? await storedKey(word, wanted.store) : await keyOfFile(word, wanted));
  return [...new Map(chosen.map((key) => [key.keyId, key])).values()];
}

async function storedKey(keyId: string, store: KeyStore): Promise<PublicKey> {
  const key = await store.signingKey(keyId);
  if (key !== undefined) return key.publicKey;
  throw new KeyStoreError("KEY_NOT_FOUND", `there is no key ${keyId} on this machine`, {
    hint: "Give the ID of a key of this machine, which is the name of its file in trust/private, or the path of a key file.",
  });
}

async function keyOfFile(path: string, { store, files, use, now }: ChosenKeysFor): Promise<PublicKey> {
  const text = await readKeyText(path);
  const blocks = text.includes("-----BEGIN ") ? parsePem(text) : [];
  const secrets = blocks.filter(isPrivateKeyBlock);
  if (secrets.length === 0) return await readPublicKeyFile(path, now);
  if (secrets.length > 1)
    throw new UsageError("KEY_MALFORMED", `${path} has ${secrets.length} private keys, expected one`);
  await requirePrivate(path);
  const { imported } = await importKeys(await files(), text, use);
  return await storedKey(imported[0]?.keyId ?? "", store);
}

async function readKeyText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxImportLength) throw new UsageError("TOO_LARGE", `${path} has ${size} bytes, too many for a key file`);
    return await readFile(path, "utf8");
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError("FILE_UNREADABLE", `unable to read the key file ${path}: ${systemReason(error)}`, {
      cause: error,
      hint: "Give a key file, or the ID of a key of this machine: 64 hexadecimal characters.",
    });
  }
}

/** docker's rule for private keys. */
async function requirePrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o066) === 0) return;
  throw new KeyStoreError("KEY_FILE_UNSAFE", `private key file ${path} must not be readable or writable by others`, {
    hint: `Keep others out: chmod 600 ${path}`,
  });
}
