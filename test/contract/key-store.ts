/** What every key store promises, whatever it keeps its keys in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { verifySignature } from "../../src/crypto/signature.ts";
import type { KeyStore } from "../../src/keys/key-store.ts";

const absent = "0".repeat(64);
const payload = Buffer.from("payload");

/** Runs the suite on stores made by `create`, each empty; what their passphrase source says is up to the caller. */
export function keyStoreContract(name: string, create: () => Promise<KeyStore>): void {
  test(`${name}: an empty store has nothing, and removing nothing is no error`, async () => {
    const store = await create();
    assert.deepEqual(await store.list(), []);
    assert.equal(await store.find(absent), undefined);
    assert.equal(await store.signingKey(absent), undefined);
    await store.remove(absent);
  });

  test(`${name}: what is no key ID is simply absent`, async () => {
    const store = await create();
    for (const keyId of ["", "../../etc/passwd", "A".repeat(64), `${absent}0`, "__proto__"]) {
      assert.equal(await store.find(keyId), undefined);
      assert.equal(await store.signingKey(keyId), undefined);
      await store.remove(keyId);
    }
  });

  for (const algorithm of ["ecdsa", "ed25519", "rsa"] as const) {
    test(`${name}: signs with the ${algorithm} key that was added`, async () => {
      const store = await create();
      const key = PrivateKey.generate(algorithm);
      const { keyId } = await store.add(key, { role: "alice" });
      assert.equal(keyId, key.publicKey.keyId);
      const signer = (await store.signingKey(keyId)) ?? assert.fail("the key is there");
      assert.equal(signer.publicKey.keyId, keyId);
      const signature = await signer.sign(payload);
      assert.ok(verifySignature(key.publicKey, { keyId, ...signature }, payload));
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
      const added = await store.add(PrivateKey.generate("ecdsa"), { role, gun });
      assert.equal(added.gun, kept);
      assert.deepEqual(await store.find(added.keyId), added);
    }
  });

  test(`${name}: lists keys in order of their IDs`, async () => {
    const store = await create();
    const added = [];
    for (const role of ["root", "alice", "bob", "carol"])
      added.push(await store.add(PrivateKey.generate("ecdsa"), { role }));
    assert.deepEqual(
      await store.list(),
      added.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1)),
    );
  });

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

  test(`${name}: a removed key is gone, also for signing`, async () => {
    const store = await create();
    const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
    assert.ok(await store.signingKey(keyId));
    await store.remove(keyId);
    assert.equal(await store.find(keyId), undefined);
    assert.equal(await store.signingKey(keyId), undefined);
    assert.deepEqual(await store.list(), []);
  });
}
