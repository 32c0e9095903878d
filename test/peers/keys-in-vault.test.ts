/** Keys of Vault's transit engine, which is Vault's own code here: the driver, and a trust server whose keys are there. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DrivenKeys } from "../../src/cli/serving/driven-keys.ts";
import { checkedKey } from "../../src/keys/external/checked-key.ts";
import { VaultDriver } from "../../src/keys/vault/vault-driver.ts";
import { serve } from "../server/running-server.ts";
import { readTags, UploadingPublisher } from "../server/uploading-publisher.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import { startVaultTransit, vaultWrite } from "../support/vault.ts";

const payload = Buffer.from('{"signed":true}');

describe("keys in Vault", { skip: missingPeers(["vault"]) }, () => {
  const scope = new Scope("vault");
  let env: Environment;
  let driver: VaultDriver;

  before(async () => {
    env = await startVaultTransit(scope);
    driver = new VaultDriver({ env });
  });
  after(() => scope.close());

  for (const algorithm of ["ecdsa", "rsa", "ed25519"] as const) {
    it(`are made for ${algorithm}, found again, and sign what verifies`, async () => {
      const made = await driver.generate("vault:transit", { label: `new-${algorithm}`, algorithm });
      assert.equal(made.uri, `vault:transit/new-${algorithm}?version=1`);
      assert.equal(made.publicKey.keyType, algorithm);
      const { value } = await checkedKey(await driver.find(made.uri), made.publicKey).sign(payload);
      assert.ok(value.length > 0);
      await assert.rejects(driver.generate(`vault:transit/new-${algorithm}`, { label: "x", algorithm }), {
        code: "KEY_EXISTS",
      });
    });
  }

  it("stay the linked version when they are rotated there", async () => {
    const made = await driver.generate("vault:transit/turned", { label: "x", algorithm: "ecdsa" });
    await vaultWrite(env, "transit/keys/turned/rotate");
    const linked = await driver.find(made.uri);
    assert.equal(linked.publicKey.keyId, made.publicKey.keyId);
    await checkedKey(linked, made.publicKey).sign(payload);
    const newest = await driver.find("vault:transit/turned");
    assert.equal(newest.uri, "vault:transit/turned?version=2");
    await checkedKey(newest, newest.publicKey).sign(payload);
  });

  it("on the larger curves sign, too, and those that only encrypt are not listed", async () => {
    await vaultWrite(env, "transit/keys/large", { type: "ecdsa-p384" });
    await vaultWrite(env, "transit/keys/encrypts", { type: "aes256-gcm96" });
    const large = await driver.find("vault:transit/large");
    await checkedKey(large, large.publicKey).sign(payload);
    const uris = (await driver.list("vault:transit")).map(({ uri }) => uri);
    assert.ok(uris.includes("vault:transit/large?version=1"));
    assert.ok(!uris.some((uri) => uri.includes("encrypts")));
    await assert.rejects(driver.find("vault:transit/encrypts"), { code: "KEY_UNSUPPORTED" });
    await assert.rejects(driver.find("vault:transit/nobody"), { code: "KEY_NOT_FOUND" });
    await assert.rejects(driver.find("vault:transit/large?version=9"), { code: "KEY_NOT_FOUND" });
  });

  it("I9: are out of reach with another token", async () => {
    const stranger = new VaultDriver({ env: { ...env, VAULT_TOKEN: "hvs.other" } });
    for (const work of [() => stranger.find("vault:transit/large"), () => stranger.check("vault:transit")])
      await assert.rejects(work, { code: "KEY_SERVICE_UNAVAILABLE", message: /permission denied/u });
    await driver.check("vault:transit");
  });

  it("sign timestamps and snapshots of a trust server, also after a restart", async (t) => {
    const keyService = new DrivenKeys({ store: "vault:transit", env, onWarning: () => undefined });
    const first = await serve(t, { keyService });
    await new UploadingPublisher(first.url, "a/app").begin();
    await first.close();
    const second = await serve(t, { keyService, dataDir: first.dataDir });
    await new UploadingPublisher(second.url, "b/app").begin();
    assert.deepEqual(await readTags(second.url, "a/app"), ["v1"]);
    const made = (await driver.list("vault:transit")).filter(({ uri }) => uri.includes("/tagseal-timestamp-"));
    assert.equal(made.length, 2);
  });
});
