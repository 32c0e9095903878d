import type { KeyAlgorithm, SigningKey } from "../crypto/private-key.ts";
import { firstKeptFor, type KeyStore, type KeyUse, type StoredKey } from "./key-store.ts";
import { MemoryKeyStore } from "./memory-key-store.ts";

/**
 * The keys of a store for a rehearsal: they sign, new ones are made in memory, and one that is removed is only hidden. The store itself does
 * not change.
 */
export class RehearsalKeys implements KeyStore {
  readonly #real: KeyStore;
  readonly #made = new MemoryKeyStore();
  readonly #removed = new Set<string>();

  constructor(real: KeyStore) {
    this.#real = real;
  }

  async list(): Promise<readonly StoredKey[]> {
    const all = [...(await this.#real.list()), ...(await this.#made.list())];
    return all.filter(({ keyId }) => !this.#removed.has(keyId)).toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    if (this.#removed.has(keyId)) return undefined;
    return (await this.#made.find(keyId)) ?? (await this.#real.find(keyId));
  }

  async keptFor(roles: readonly string[]): Promise<StoredKey | undefined> {
    return firstKeptFor(roles, await this.list());
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    if (this.#removed.has(keyId)) return undefined;
    return (await this.#made.signingKey(keyId)) ?? (await this.#real.signingKey(keyId));
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey> {
    return await this.#made.make(use, algorithm);
  }

  async remove(keyId: string): Promise<void> {
    this.#removed.add(keyId);
  }
}
