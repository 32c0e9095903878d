/** Keys that are named on the command line: by the ID of a key on this machine, or by a file with a private or a public key. */
import type { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError } from "../../errors.ts";
import { isKeyId, type KeyStore, type KeyUse, type PemKeyStore } from "../../keys/key-store.ts";
import { importKeys } from "../../keys/key-transfer.ts";
import { privateKeyIn } from "./key-file-of-user.ts";
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
  const secret = await privateKeyIn(path);
  if (secret === undefined) return await readPublicKeyFile(path, now);
  const { imported } = await importKeys(await files(), secret.text, use);
  return await storedKey(imported[0]?.keyId ?? "", store);
}
