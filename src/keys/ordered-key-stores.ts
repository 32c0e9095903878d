import type { KeyAlgorithm, SigningKey } from "../crypto/private-key.ts";
import type { KeyStore, KeyUse, StoredKey } from "./key-store.ts";

/**
 * Several key stores as one, in order: the first that holds a key signs with it, and the first that can make a key makes it. A key is
 * removed from all of them.
 */
export class OrderedKeyStores implements KeyStore {
  readonly #stores: readonly KeyStore[];

  constructor(stores: readonly KeyStore[]) {
    this.#stores = stores;
  }

  async list(): Promise<readonly StoredKey[]> {
    const found = new Map<string, StoredKey>();
    for (const store of this.#stores)
      for (const key of await store.list()) if (!found.has(key.keyId)) found.set(key.keyId, key);
    return [...found.values()].toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    return await first(this.#stores, async (store) => await store.find(keyId));
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    return await first(this.#stores, async (store) => await store.signingKey(keyId));
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey | undefined> {
    return await first(this.#stores, async (store) => await store.make(use, algorithm));
  }

  async remove(keyId: string): Promise<void> {
    for (const store of this.#stores) await store.remove(keyId);
  }
}

/** One store after the other: a later one is not asked, and cannot ask for a passphrase, once one has an answer. */
async function first<T>(
  stores: readonly KeyStore[],
  ask: (store: KeyStore) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const store of stores) {
    const answer = await ask(store);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
