import assert from "node:assert/strict";
import { test } from "node:test";
import { keyStoreContract } from "../../test/contract/key-store.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import type { KeyStore } from "./key-store.ts";
import { MemoryKeyStore } from "./memory-key-store.ts";
import { OrderedKeyStores } from "./ordered-key-stores.ts";

keyStoreContract("two in memory", async () => new OrderedKeyStores([new MemoryKeyStore(), new MemoryKeyStore()]));

/** A store that holds keys and cannot make any, as a token that is full. */
async function full(role: string): Promise<{ store: KeyStore; keyId: string }> {
  const kept = new MemoryKeyStore();
  const { keyId } = await kept.add(PrivateKey.generate("ecdsa"), { role });
  const store: KeyStore = {
    list: () => kept.list(),
    find: (id) => kept.find(id),
    signingKey: (id) => kept.signingKey(id),
    make: async () => undefined,
    remove: (id) => kept.remove(id),
  };
  return { store, keyId };
}

test("the first store that can make a key makes it, and the first that holds one signs", async () => {
  const token = await full("root");
  const [second, third] = [new MemoryKeyStore(), new MemoryKeyStore()];
  const stores = new OrderedKeyStores([token.store, second, third]);
  const made = await stores.make({ role: "alice" }, "ed25519");
  const keyId = made?.publicKey.keyId ?? assert.fail("the second makes it");
  assert.deepEqual([await third.list(), (await second.list()).length], [[], 1]);
  assert.equal((await stores.signingKey(token.keyId))?.publicKey.keyId, token.keyId);
  assert.equal((await stores.signingKey(keyId))?.publicKey.keyId, keyId);
  assert.deepEqual(
    (await stores.list()).map((key) => key.keyId),
    [token.keyId, keyId].toSorted(),
  );
});

test("a key in two stores is listed once, as the first has it, and removed from both", async () => {
  const key = PrivateKey.generate("ecdsa");
  const [first, second] = [new MemoryKeyStore(), new MemoryKeyStore()];
  const stores = new OrderedKeyStores([first, second]);
  const { keyId } = await first.add(key, { role: "alice" });
  await second.add(key, { role: "bob" });
  assert.deepEqual(
    (await stores.list()).map(({ role }) => role),
    ["alice"],
  );
  assert.equal((await stores.find(keyId))?.role, "alice");
  await stores.remove(keyId);
  assert.deepEqual([await first.list(), await second.list()], [[], []]);
});

test("stores of which none can make a key make none", async () => {
  assert.equal(await new OrderedKeyStores([(await full("a")).store]).make({ role: "b" }, "rsa"), undefined);
  assert.equal(await new OrderedKeyStores([]).make({ role: "b" }, "ecdsa"), undefined);
});
