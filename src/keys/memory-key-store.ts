import type { KeyAlgorithm, PrivateKey, SigningKey } from "../crypto/private-key.ts";
import { KeyStoreError } from "../errors.ts";
import { firstKeptFor, gunToKeep, makeAndAdd } from "./key-store.ts";
import type { KeyUse, StoredKey, WritableKeyStore } from "./key-store.ts";

/** Keys that last as long as the process: for tests, sandboxes and keys from other sources. Asks for no passphrase. */
export class MemoryKeyStore implements WritableKeyStore {
  readonly #keys = new Map<string, { readonly stored: StoredKey; readonly key: PrivateKey }>();

  async list(): Promise<readonly StoredKey[]> {
    return [...this.#keys.values()].map(({ stored }) => stored).toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    return this.#keys.get(keyId)?.stored;
  }

  async keptFor(roles: readonly string[]): Promise<StoredKey | undefined> {
    return firstKeptFor(roles, await this.list());
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    return this.#keys.get(keyId)?.key;
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<PrivateKey> {
    return await makeAndAdd(this, use, algorithm);
  }

  async add(key: PrivateKey, use: KeyUse): Promise<StoredKey> {
    const { keyId } = key.publicKey;
    refuseOtherRole(this.#keys.get(keyId)?.stored, use);
    const stored = { keyId, role: use.role, gun: gunToKeep(use), location: "memory" };
    this.#keys.set(keyId, { stored, key });
    return stored;
  }

  async remove(keyId: string): Promise<void> {
    this.#keys.delete(keyId);
  }
}

/**
 * Refuses to add a key that is kept for another role: its users there would no longer find it.
 *
 * @throws KeyStoreError `KEY_EXISTS`
 */
export function refuseOtherRole(existing: StoredKey | undefined, use: KeyUse): void {
  if (existing === undefined || existing.role === use.role) return;
  throw new KeyStoreError(
    "KEY_EXISTS",
    `Cannot add key ${existing.keyId} for role ${use.role}: it is already kept for role ${existing.role}`,
    { hint: "Import the key to change its role, or remove it first." },
  );
}
