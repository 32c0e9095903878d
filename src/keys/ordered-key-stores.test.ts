import assert from "node:assert/strict";
import { test } from "node:test";
import { keyStoreContract } from "../../test/contract/key-store.ts";
import { TokenKeyStore } from "../../test/support/token-key-store.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { KeyStoreError } from "../errors.ts";
import { lazyKeyStore } from "./lazy-key-store.ts";
import { MemoryKeyStore } from "./memory-key-store.ts";
import { OrderedKeyStores } from "./ordered-key-stores.ts";

keyStoreContract("two in memory", async () => new OrderedKeyStores([new MemoryKeyStore(), new MemoryKeyStore()]));
keyStoreContract("a token", async () => new TokenKeyStore("token"));
keyStoreContract("a token before memory", async () => {
  return new OrderedKeyStores([new TokenKeyStore("token"), new MemoryKeyStore()]);
});
keyStoreContract("a store opened on first use", async () => lazyKeyStore(async () => new MemoryKeyStore()));

/** Makes nothing, as a token that is full. */
const makesNothing = (): boolean => false;

test("the first store that can make a key makes it, and the first that holds one signs", async () => {
  const [token, second, third] = [new TokenKeyStore("token"), new MemoryKeyStore(), new MemoryKeyStore()];
  const stores = new OrderedKeyStores([token, second, third]);
  const inToken = (await stores.make({ role: "root" }, "ecdsa"))?.publicKey.keyId ?? assert.fail("the token makes it");
  const inMemory = (await stores.make({ role: "a" }, "ed25519"))?.publicKey.keyId ?? assert.fail("the second makes it");
  assert.equal((await stores.signingKey(inToken))?.publicKey.keyId, inToken);
  assert.equal((await stores.signingKey(inMemory))?.publicKey.keyId, inMemory);
  assert.deepEqual(
    new Map((await stores.list()).map(({ keyId, location }) => [keyId, location])),
    new Map([inToken, inMemory].toSorted().map((keyId) => [keyId, keyId === inToken ? "token" : "memory"])),
  );
  assert.deepEqual(await third.list(), []);
});

test("the keys of a role with a chosen store are made there or nowhere, and found there", async () => {
  const [token, files] = [new TokenKeyStore("token"), new MemoryKeyStore()];
  const stores = new OrderedKeyStores([files], new Map([["root", token]]));
  const root = await stores.make({ role: "root" }, "ecdsa");
  await stores.make({ role: "targets", gun: "r/app" }, "ecdsa");
  assert.deepEqual((await stores.list()).map(({ role, location }) => `${role} in ${location}`).toSorted(), [
    "root in token",
    "targets in memory",
  ]);
  assert.ok(await stores.signingKey(root?.publicKey.keyId ?? ""));
  await files.make({ role: "root" }, "ecdsa");
  assert.equal((await stores.keptFor(["root"]))?.location, "token");
  assert.equal(
    await stores.make({ role: "root" }, "rsa"),
    undefined,
    "the token makes no such key, and nobody else may",
  );
  assert.equal((await files.list()).length, 2);
});

test("the key to use again is the one of the first store that has one", async () => {
  const [token, files] = [new TokenKeyStore("token"), new MemoryKeyStore()];
  for (const store of [files, token, files]) await store.make({ role: "root" }, "ecdsa");
  assert.equal((await new OrderedKeyStores([token, files]).keptFor(["root"]))?.location, "token");
  assert.equal((await new OrderedKeyStores([files, token]).keptFor(["root"]))?.location, "memory");
});

test("a key is removed from every store that can remove it, and a failure of one is told", async () => {
  const [first, last] = [new MemoryKeyStore(), new MemoryKeyStore()];
  const key = PrivateKey.generate("ecdsa");
  for (const store of [first, last]) await store.add(key, { role: "alice" });
  const stuck = lazyKeyStore(async () => {
    throw new KeyStoreError("FILE_UNWRITABLE", "read-only");
  });
  const removal = new OrderedKeyStores([first, stuck, last]).remove(key.publicKey.keyId);
  await assert.rejects(removal, { code: "FILE_UNWRITABLE" });
  assert.deepEqual([await first.list(), await last.list()], [[], []]);
});

test("a store that fails ends the search: its key is not taken for absent, nor made elsewhere", async () => {
  const unplugged = lazyKeyStore(async () => {
    throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", "the token is not plugged in");
  });
  const files = new MemoryKeyStore();
  const stores = new OrderedKeyStores([unplugged, files]);
  const refused = { code: "PASSPHRASE_UNAVAILABLE" };
  const { keyId } = await files.add(PrivateKey.generate("ecdsa"), { role: "alice" });
  await assert.rejects(stores.make({ role: "root" }, "ecdsa"), refused);
  await assert.rejects(stores.find(keyId), refused);
  await assert.rejects(stores.list(), refused);
  assert.equal((await files.list()).length, 1);
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
  const full = new TokenKeyStore("full", makesNothing);
  assert.equal(await new OrderedKeyStores([full]).make({ role: "b" }, "rsa"), undefined);
  assert.equal(await new OrderedKeyStores([]).make({ role: "b" }, "ecdsa"), undefined);
});
