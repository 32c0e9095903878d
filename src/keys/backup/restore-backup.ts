/** Puts the keys of an opened backup into a key store. Nothing that is there is changed. */
import { readPrivateKeyBlock } from "../../crypto/private-key-pem.ts";
import type { PemBlock } from "../../encoding/pem.ts";
import { MetadataError } from "../../errors.ts";
import { gunToKeep } from "../key-store.ts";
import type { PemKeyStore, StoredKey } from "../key-store.ts";
import type { BackedUpKey, BackupContents, KeyDescription } from "./backup-contents.ts";

/**
 * What became of a key:
 *
 * - `added`: it was missing; in a dry run, it would be added
 * - `here`: the same key with the same use is in the store, perhaps under another passphrase
 * - `conflict`: the store has the key for another role or repository; it stays as it is
 */
export type RestoredKey = KeyDescription & {
  readonly result: "added" | "here" | "conflict";
  /** what the store has, for a conflict */
  readonly stored?: KeyDescription;
};

/** What to restore, and how. */
export interface RestoreRequest {
  readonly contents: Pick<BackupContents, "keys" | "passphrase">;
  /** only these; all without it */
  readonly keyIds?: readonly string[] | undefined;
  /** changes nothing, and asks for no passphrase */
  readonly dryRun: boolean;
}

/**
 * Restores keys one by one. Each is whole in the store or not there, so a restoration that was interrupted is continued by
 * the same command.
 *
 * A backup without a passphrase for its keys restores them as they were. Otherwise they are opened, compared with their IDs and encrypted
 * under the passphrases of this store, which it asks for.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, `FILE_UNWRITABLE`, `KEY_FILE_UNSAFE`
 * @throws MetadataError `KEY_MALFORMED` when a key is not the one that the backup says
 */
export async function restoreKeys(store: PemKeyStore, request: RestoreRequest): Promise<readonly RestoredKey[]> {
  const results: RestoredKey[] = [];
  const { contents, keyIds } = request;
  for (const key of contents.keys.filter(({ keyId }) => keyIds?.includes(keyId) ?? true)) {
    const stored = await store.find(key.keyId);
    if (stored === undefined && !request.dryRun) await store.putBlock(key.keyId, await blockFor(store, key, request));
    results.push(resultFor(key, stored));
  }
  return results;
}

function resultFor({ keyId, role, gun }: BackedUpKey, stored: StoredKey | undefined): RestoredKey {
  const key = { keyId, role, gun };
  if (stored === undefined) return { ...key, result: "added" };
  const sameUse = stored.role === role && gunToKeep(asUse(stored)) === gunToKeep(asUse(key));
  if (sameUse) return { ...key, result: "here" };
  return { ...key, result: "conflict", stored: { keyId, role: stored.role, gun: stored.gun } };
}

async function blockFor(
  store: PemKeyStore,
  backedUp: BackedUpKey,
  { contents: { passphrase } }: RestoreRequest,
): Promise<PemBlock> {
  const { keyId, block } = backedUp;
  if (passphrase === undefined) return block;
  const key = readPrivateKeyBlock(block, passphrase);
  if (key.publicKey.keyId !== keyId)
    throw new MetadataError("KEY_MALFORMED", `The backup says that it holds key ${keyId}, and holds another key`);
  const use = asUse(backedUp);
  return store.seal(key, use, await store.passphrases.forNewKey({ keyId, role: use.role, gun: use.gun }));
}

function asUse({ role, gun }: KeyDescription): { readonly role: string; readonly gun?: string } {
  return gun === undefined ? { role } : { role, gun };
}
