import type { SigningKey } from "../crypto/private-key.ts";
import { firstKeptFor, type KeyStore, type StoredKey } from "./key-store.ts";
import { OrderedKeyStores } from "./ordered-key-stores.ts";

/** A key that was opened for one command, and where it came from. */
export interface GivenKey {
  readonly key: SigningKey;
  readonly role: string;
  /** a path or a URI, for users */
  readonly location: string;
}

/** The keys of a store and, searched after them, keys that are kept elsewhere: those sign, and nothing of them stays on this machine. */
export function withGivenKeys(store: KeyStore, keys: readonly GivenKey[]): KeyStore {
  return keys.length === 0 ? store : new OrderedKeyStores([store, new GivenKeys(keys)]);
}

/**
 * The keys of a store except some: those that are lost may still be listed there, and must not be asked for.
 *
 * @param keyIds canonical
 */
export function withoutKeys(store: KeyStore, keyIds: readonly string[]): KeyStore {
  const isGone = (keyId: string): boolean => keyIds.includes(keyId);
  return {
    list: async () => (await store.list()).filter(({ keyId }) => !isGone(keyId)),
    find: async (keyId) => (isGone(keyId) ? undefined : await store.find(keyId)),
    keptFor: async (roles) =>
      firstKeptFor(
        roles,
        (await store.list()).filter(({ keyId }) => !isGone(keyId)),
      ),
    signingKey: async (keyId) => (isGone(keyId) ? undefined : await store.signingKey(keyId)),
    make: async (use, algorithm) => await store.make(use, algorithm),
    remove: async (keyId) => {
      if (!isGone(keyId)) await store.remove(keyId);
    },
  };
}

class GivenKeys implements KeyStore {
  readonly #keys: ReadonlyMap<string, GivenKey>;

  constructor(keys: readonly GivenKey[]) {
    this.#keys = new Map(keys.map((given) => [given.key.publicKey.keyId, given]));
  }

  async list(): Promise<readonly StoredKey[]> {
    return [...this.#keys.values()].map(describe).toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    const given = this.#keys.get(keyId);
    return given && describe(given);
  }

  /** Never used for a new collection: it was given for another purpose. */
  async keptFor(): Promise<undefined> {
    return undefined;
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    return this.#keys.get(keyId)?.key;
  }

  async make(): Promise<undefined> {
    return undefined;
  }

  async remove(): Promise<void> {
    // Kept elsewhere: there is nothing to remove here.
  }
}

function describe({ key, role, location }: GivenKey): StoredKey {
  return { keyId: key.publicKey.keyId, role, gun: undefined, location };
}
