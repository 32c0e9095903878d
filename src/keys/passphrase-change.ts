import { KeyStoreError } from "../errors.ts";
import type { PemKeyStore, StoredKey } from "./key-store.ts";
import type { PassphraseSource } from "./passphrase.ts";

/**
 * Changes the passphrases of keys. All keys are unlocked and all new passphrases chosen, one for each role, before the first key is
 * written; each file then has the old passphrase or the new one, whenever the process ends.
 *
 * @param onChanged called after each key that was written
 * @throws KeyStoreError `KEY_NOT_FOUND`, and as `PemKeyStore.signingKey` and `changePassphrase`
 */
export async function changePassphrases(
  store: PemKeyStore,
  keys: readonly StoredKey[],
  onChanged: (key: StoredKey) => void,
): Promise<void> {
  for (const { keyId } of keys) {
    if ((await store.signingKey(keyId)) === undefined)
      throw new KeyStoreError("KEY_NOT_FOUND", `the key ${keyId} has just been removed`);
  }
  // The keeper remembers what was chosen for a role, so that no key after the first of its role asks again.
  const firstOfRoles = new Map(keys.toReversed().map((key) => [key.role, key]));
  for (const { keyId, role, gun } of firstOfRoles.values())
    await store.passphrases.forNewKey({ keyId, role, gun }, true);
  for (const key of keys) {
    await store.changePassphrase(key.keyId, false);
    onChanged(key);
  }
}

/** One source for the passphrases of keys that are unlocked, which keeps what opens them from now on; another for those that they get. */
export function oldAndNew(old: PassphraseSource, next: PassphraseSource): PassphraseSource {
  return {
    interactive: old.interactive || next.interactive,
    passphraseFor: async (request) => await (request.purpose === "new" ? next : old).passphraseFor(request),
    accepted: async (request, passphrase) => await old.accepted?.(request, passphrase),
    changed: async (request, passphrase) => await old.changed?.(request, passphrase),
  };
}
