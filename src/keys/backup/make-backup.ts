/** Makes the file of a key backup. Nothing is written here: the caller puts the file where it belongs. */
import { randomBytes } from "node:crypto";
import { isEncryptedBlock, readPrivateKeyBlock } from "../../crypto/private-key-pem.ts";
import { EncodingError } from "../../errors.ts";
import type { PemKeyStore, StoredKey } from "../key-store.ts";
import { type ExportSelection, exportKeys } from "../key-transfer.ts";
import { type AgeKey, type AgeLock, armorAge, openAge, sealAge } from "./age-file.ts";
import { type BackedUpKey, type BackupContents, contentsText, parseContents } from "./backup-contents.ts";

/** Bytes of the random passphrase that a backup may bring along: as strong as its cipher. */
const passphraseBytes = 16;

/** Which keys to back up, and how they are protected inside. */
export interface BackupRequest {
  readonly selection: ExportSelection;
  /** encrypts the keys in the backup under a new passphrase that is in the backup, too */
  readonly bringPassphrase: boolean;
  /** keys of other stores, for the list */
  readonly elsewhere: readonly StoredKey[];
  readonly now: Date;
}

/**
 * Collects the keys. They stay encrypted; a passphrase is asked for only to bring one along, or for a key that lies in the clear.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND`, `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`, and what the store throws
 */
export async function collectKeys(store: PemKeyStore, request: BackupRequest): Promise<BackupContents> {
  const { keys } = parseContents(await exportKeys(store, request.selection));
  const shared = { madeAt: request.now, elsewhere: request.elsewhere };
  if (!request.bringPassphrase) return { ...shared, keys };
  const passphrase = randomBytes(passphraseBytes).toString("base64url");
  const sealed: BackedUpKey[] = [];
  for (const key of keys) sealed.push(await sealAgain(store, key, passphrase));
  return { ...shared, keys: sealed, passphrase };
}

async function sealAgain(store: PemKeyStore, backedUp: BackedUpKey, passphrase: string): Promise<BackedUpKey> {
  const { keyId, role, gun, block } = backedUp;
  const open = (old: string) => readPrivateKeyBlock(block, old);
  const key = isEncryptedBlock(block) ? await store.passphrases.unlock({ keyId, role, gun }, open) : open("");
  return { ...backedUp, block: store.seal(key, gun === undefined ? { role } : { role, gun }, passphrase) };
}

/**
 * Encrypts the contents, and opens the file again: with what it was sealed for, and with `proof`, where that is here.
 *
 * @param proof identities that must open it; without it, identities are elsewhere
 * @returns the bytes of the file
 * @throws KeyStoreError `BACKUP_LOCKED` when `proof` does not open it; UsageError `USAGE` for something that is not a recipient
 */
export async function sealBackup(
  contents: BackupContents,
  lock: AgeLock,
  { proof, armored }: { readonly proof?: AgeKey | undefined; readonly armored: boolean },
): Promise<Uint8Array> {
  const text = contentsText(contents);
  const sealed = await sealAge(text, lock);
  const opened = proof === undefined ? text : await openAge(sealed, proof);
  if (opened !== text || parseContents(opened).keys.length !== contents.keys.length)
    throw new EncodingError("BACKUP_MALFORMED", "The backup does not open to what was put into it; it was not written");
  return armored ? Buffer.from(await armorAge(sealed)) : sealed;
}
