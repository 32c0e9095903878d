/** What every key store promises, whatever it keeps its keys in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { verifySignature } from "../../src/crypto/signature.ts";
import type { KeyStore, KeyUse, WritableKeyStore } from "../../src/keys/key-store.ts";

const absent = "0".repeat(64);
const payload = Buffer.from("payload");

/** Runs the suite on stores made by `create`, each empty; what their passphrase source says is up to the caller. */
export function keyStoreContract(name: string, create: () => Promise<KeyStore>): void {
  const made = async (store: KeyStore, use: KeyUse): Promise<string> =>
    (await store.make(use, "ecdsa"))?.publicKey.keyId ?? assert.fail("the store makes keys");

  test(`${name}: an empty store has nothing, and removing nothing is no error`, async () => {
    const store = await create();
    assert.deepEqual(await store.list(), []);
    assert.equal(await store.find(absent), undefined);
    assert.equal(await store.signingKey(absent), undefined);
    await store.remove(absent);
  });

  test(`${name}: what is not a key ID is simply absent`, async () => {
    const store = await create();
    for (const keyId of ["", "../../etc/passwd", "A".repeat(64), `${absent}0`, "__proto__"]) {
      assert.equal(await store.find(keyId), undefined);
      assert.equal(await store.signingKey(keyId), undefined);
      await store.remove(keyId);
    }
  });

  for (const algorithm of ["ecdsa", "ed25519", "rsa"] as const) {
    test(`${name}: makes a key for ${algorithm}, keeps it and signs with it, or does nothing at all`, async () => {
      const store = await create();
      const key = await store.make({ role: "alice" }, algorithm);
      if (key === undefined) {
        assert.deepEqual(await store.list(), []);
        return;
      }
      const { keyId, keyType } = key.publicKey;
      assert.equal(keyType, algorithm);
      assert.equal((await store.find(keyId))?.role, "alice");
      for (const signer of [key, (await store.signingKey(keyId)) ?? assert.fail("the key is there")]) {
        assert.equal(signer.publicKey.keyId, keyId);
        assert.ok(verifySignature(key.publicKey, { keyId, ...(await signer.sign(payload)) }, payload));
      }
    });
  }

  test(`${name}: keeps the GUN of targets, snapshot and timestamp keys and drops it for others`, async () => {
    const store = await create();
    const gun = "localhost:5000/app";
    for (const [role, kept] of [
      ["targets", gun],
      ["snapshot", gun],
      ["timestamp", gun],
      ["root", undefined],
      ["targets/alice", undefined],
      ["alice", undefined],
    ] as const) {
      const keyId = await made(store, { role, gun });
      const { location, ...found } = (await store.find(keyId)) ?? assert.fail("the key is there");
      assert.deepEqual([found.keyId, found.role, found.gun], [keyId, role, kept]);
      assert.ok(location.length > 0);
    }
  });

  test(`${name}: lists keys in order of their IDs`, async () => {
    const store = await create();
    const ids = [];
    for (const role of ["root", "alice", "bob", "carol"]) ids.push(await made(store, { role }));
    assert.deepEqual(
      (await store.list()).map(({ keyId }) => keyId),
      ids.toSorted(),
    );
  });

  test(`${name}: the key to use again is the first by its ID that is kept for one of the roles`, async () => {
    const store = await create();
    assert.equal(await store.keptFor(["root"]), undefined);
    const roots = [await made(store, { role: "root" }), await made(store, { role: "root" })].toSorted();
    const alice = await made(store, { role: "targets/alice" });
    assert.deepEqual(await store.keptFor(["root"]), await store.find(roots[0] ?? ""));
    assert.equal((await store.keptFor(["alice", "targets/alice"]))?.keyId, alice);
    assert.equal(await store.keptFor(["alice"]), undefined);
    assert.equal(await store.keptFor([]), undefined);
  });

  test(`${name}: a removed key is gone, also for signing`, async () => {
    const store = await create();
    const keyId = await made(store, { role: "root" });
    assert.ok(await store.signingKey(keyId));
    await store.remove(keyId);
    assert.equal(await store.find(keyId), undefined);
    assert.equal(await store.signingKey(keyId), undefined);
    assert.deepEqual(await store.list(), []);
  });
}

/** The same for stores that also take keys made elsewhere. */
export function writableKeyStoreContract(name: string, create: () => Promise<WritableKeyStore>): void {
  keyStoreContract(name, create);

  for (const algorithm of ["ecdsa", "ed25519", "rsa"] as const) {
    test(`${name}: signs with the ${algorithm} key that was added`, async () => {
      const store = await create();
      const key = PrivateKey.generate(algorithm);
      const added = await store.add(key, { role: "alice" });
      const { keyId } = added;
      assert.equal(keyId, key.publicKey.keyId);
      assert.deepEqual(await store.find(keyId), added);
      const signer = (await store.signingKey(keyId)) ?? assert.fail("the key is there");
      assert.equal(signer.publicKey.keyId, keyId);
      const signature = await signer.sign(payload);
      assert.ok(verifySignature(key.publicKey, { keyId, ...signature }, payload));
    });
  }

  test(`${name}: adding a key again for its role replaces it; for another role it is refused`, async () => {
    const store = await create();
    const key = PrivateKey.generate("ecdsa");
    await store.add(key, { role: "root" });
    await store.add(key, { role: "root" });
    await assert.rejects(store.add(key, { role: "alice" }), { code: "KEY_EXISTS" });
    assert.deepEqual(
      (await store.list()).map(({ role }) => role),
      ["root"],
    );
  });
}
