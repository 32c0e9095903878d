/** The private keys of this machine, and what the metadata it remembers says about them. Nothing here unlocks a key or asks a server. */
import type { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError } from "../../errors.ts";
import { selectKey } from "../../keys/key-selection.ts";
import { isKeyId, type KeyStore, type StoredKey } from "../../keys/key-store.ts";
import type { RoleName } from "../../tuf/metadata.ts";

/** A place in metadata that names a key. */
export interface KeyNaming {
  readonly gun: string;
  /** the role that the key may sign */
  readonly role: RoleName;
  /** canonical ID, by which private keys are kept */
  readonly keyId: string;
  /** ID under which the metadata names it; of a root key that of its certificate, a different one in each repository */
  readonly idInMetadata: string;
  /** the key itself, without its certificate */
  readonly publicKey: PublicKey;
  /** how many keys of the role must sign */
  readonly threshold: number;
  /** canonical IDs of all keys of the role */
  readonly roleKeyIds: readonly string[];
}

/** A private key of this machine and every naming of it that this machine remembers, in order of the repositories. */
export interface LocalKey extends StoredKey {
  readonly namings: readonly KeyNaming[];
}

/** All keys of a store with their namings, in order of key ID. */
export async function listLocalKeys(store: KeyStore, namings: readonly KeyNaming[]): Promise<readonly LocalKey[]> {
  const byKey = Map.groupBy(namings, ({ keyId }) => keyId);
  return (await store.list()).map((key) => withNamings(key, byKey.get(key.keyId) ?? []));
}

function withNamings(key: StoredKey, namings: readonly KeyNaming[]): LocalKey {
  return { ...key, namings };
}

/**
 * Finds the key that a user means: by its ID, by the ID under which metadata names it, or by the beginning of either.
 *
 * @throws UsageError `USAGE` for what is not the beginning of an ID, `KEY_AMBIGUOUS` when it fits several keys
 * @throws KeyStoreError `KEY_NOT_FOUND`; and as `KeyStore.find` for a key that is here and cannot be read
 */
export async function findLocalKey(text: string, keys: readonly LocalKey[], store: KeyStore): Promise<LocalKey> {
  const key = selectKey(text, keys, idsOf);
  if (key !== undefined) return key;
  // A key that cannot be read is not in the list: the error says why.
  const keyId = text.toLowerCase();
  if (isKeyId(keyId)) await store.find(keyId);
  throw new KeyStoreError("KEY_NOT_FOUND", `there is no private key ${text} on this machine`, {
    hint: "See the IDs of the keys here: tagseal trust key list",
  });
}

/**
 * The public key of a private key: from trust data that names it, since its ID proves that it is the one; otherwise by unlocking the key.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND` for a key that has just been removed; and as `KeyStore.signingKey`
 */
export async function publicKeyOf({ keyId, namings: [naming] }: LocalKey, store: KeyStore): Promise<PublicKey> {
  const key = naming?.publicKey ?? (await store.signingKey(keyId))?.publicKey;
  if (key !== undefined) return key;
  throw new KeyStoreError("KEY_NOT_FOUND", `the key ${keyId} has just been removed`);
}

function idsOf({ keyId, namings }: LocalKey): readonly string[] {
  return [keyId, ...namings.map(({ idInMetadata }) => idInMetadata)];
}
