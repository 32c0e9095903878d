import type { KeyAlgorithm, SigningKey } from "../crypto/private-key.ts";
import type { KeyStore, KeyUse, StoredKey } from "./key-store.ts";

/**
 * Several key stores as one. Searches them in order: the first that has a key lists it and signs with it. A new key is made by the store
 * chosen for its role, or else by the first that can; a key of another store is not used instead. A key is removed from all of them.
 *
 * A failure ends the search: a store that does not answer may have the key, and a key that it was to make belongs nowhere else.
 */
export class OrderedKeyStores implements KeyStore {
  readonly #stores: readonly KeyStore[];
  readonly #chosen: ReadonlyMap<string, KeyStore>;

  /**
   * @param stores in the order of the search
   * @param chosen the store that makes the keys of a role (`root`, `targets`, a signer's name), which no other store makes then; it is
   *   searched last unless it is one of `stores`
   */
  constructor(stores: readonly KeyStore[], chosen: ReadonlyMap<string, KeyStore> = new Map()) {
    this.#stores = [...new Set([...stores, ...chosen.values()])];
    this.#chosen = new Map(chosen);
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

  async keptFor(roles: readonly string[]): Promise<StoredKey | undefined> {
    return await first(this.#for(roles), async (store) => await store.keptFor(roles));
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    return await first(this.#stores, async (store) => await store.signingKey(keyId));
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey | undefined> {
    return await first(this.#for([use.role]), async (store) => await store.make(use, algorithm));
  }

  async remove(keyId: string): Promise<void> {
    const removals = await Promise.allSettled(this.#stores.map(async (store) => await store.remove(keyId)));
    const failed = removals.find((removal) => removal.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Where new collections get their keys for these roles: the store that was chosen, and no other; all without a choice. */
  #for(roles: readonly string[]): readonly KeyStore[] {
    const chosen = roles.map((role) => this.#chosen.get(role)).find((store) => store !== undefined);
    return chosen === undefined ? this.#stores : [chosen];
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
