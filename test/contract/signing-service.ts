/** What every `SigningService` must do. An implementation's own test calls this with a way to open one, again and again. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ServerRole } from "../../src/tuf/metadata.ts";
import { verifySignature } from "../../src/crypto/signature.ts";
import type { NamesKey, SigningService } from "../../src/server/signer/signing-service.ts";

const gun = "docker.io/library/alpine";

/** Opens the same service at every call, as after a restart; closes it when the test ends. */
export type Reopen = (namesKey?: NamesKey) => Promise<SigningService>;

/** Signs once and checks the signature. */
export async function signOnce(signer: SigningService, of: string, keyId: string, role: ServerRole = "timestamp") {
  const key = await signer.find(of, role, keyId);
  assert.ok(key, `the signer holds ${keyId}`);
  assert.equal(key.publicKey.keyId, keyId);
  const payload = Buffer.from(`{"for":"${of}"}`);
  const { method, value } = await key.sign(payload);
  assert.ok(verifySignature(key.publicKey, { keyId, method, value }, payload));
}

/** Runs the contract against services of new, empty tables. */
export function signingServiceContract(name: string, start: (t: TestContext) => Promise<Reopen>): void {
  describe(`${name} as a SigningService`, () => {
    it("answers the same pending key until it signs, also after a restart", async (t) => {
      const open = await start(t);
      const first = await open();
      const { keyId } = await first.pendingKey(gun, "timestamp");
      assert.equal((await first.pendingKey(gun, "timestamp")).keyId, keyId);
      await first.close();
      const second = await open();
      assert.equal((await second.pendingKey(gun, "timestamp")).keyId, keyId);
      await signOnce(second, gun, keyId);
      assert.notEqual((await second.pendingKey(gun, "timestamp")).keyId, keyId);
    });

    it("answers many that ask at once with the same pending key", async (t) => {
      const open = await start(t);
      const [one, two] = [await open(), await open()];
      const asked = [one, two, one, two].map((signer) => signer.pendingKey(gun, "snapshot"));
      assert.equal(new Set((await Promise.all(asked)).map(({ keyId }) => keyId)).size, 1);
    });

    it("has another key for each role and each collection", async (t) => {
      const signer = await (await start(t))();
      const keys = [
        await signer.pendingKey(gun, "timestamp"),
        await signer.pendingKey(gun, "snapshot"),
        await signer.pendingKey(`${gun}2`, "timestamp"),
      ];
      assert.equal(new Set(keys.map(({ keyId }) => keyId)).size, 3);
    });

    it("finds a key only for the role and the collection it was made for, before and after it has signed", async (t) => {
      const signer = await (await start(t))();
      const { keyId } = await signer.pendingKey(gun, "timestamp");
      for (let time = 1; time <= 2; time += 1) {
        assert.equal(await signer.find(gun, "snapshot", keyId), undefined);
        assert.equal(await signer.find("docker.io/library/other", "timestamp", keyId), undefined);
        await signOnce(signer, gun, keyId);
      }
    });

    it("signs with keys that were replaced, and with new ones", async (t) => {
      const open = await start(t);
      const first = await open();
      const keyIds: string[] = [];
      for (let time = 1; time <= 3; time += 1) {
        const { keyId } = await first.pendingKey(gun, "snapshot");
        await signOnce(first, gun, keyId, "snapshot");
        keyIds.push(keyId);
      }
      assert.equal(new Set(keyIds).size, 3);
      await first.close();
      const second = await open();
      for (const keyId of keyIds) await signOnce(second, gun, keyId, "snapshot");
    });

    it("does not find a key that it never made", async (t) => {
      const signer = await (await start(t))(async () => false);
      assert.equal(await signer.find(gun, "timestamp", "a".repeat(64)), undefined);
      assert.equal(await signer.find(gun, "timestamp", ""), undefined);
    });

    it("is healthy", async (t) => {
      await (await (await start(t))()).check();
    });
  });
}
