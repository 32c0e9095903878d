import type { KeyStore } from "./key-store.ts";

/**
 * A key store that is opened on first use. Verifying needs no keys, and must not pay for loading a key store.
 *
 * @param open called at most once
 */
export function lazyKeyStore(open: () => Promise<KeyStore>): KeyStore {
  let opened: Promise<KeyStore> | undefined;
  const store = async (): Promise<KeyStore> => await (opened ??= open());
  return {
    list: async () => await (await store()).list(),
    find: async (keyId) => await (await store()).find(keyId),
    keptFor: async (roles) => await (await store()).keptFor(roles),
    signingKey: async (keyId) => await (await store()).signingKey(keyId),
    make: async (use, algorithm) => await (await store()).make(use, algorithm),
    remove: async (keyId) => await (await store()).remove(keyId),
  };
}
