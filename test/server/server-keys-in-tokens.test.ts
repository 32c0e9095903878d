/** A server whose keys are in a token, with SoftHSM: what publishers and operators see while it works, is away, and has another PIN. */
import assert from "node:assert/strict";
import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it, type TestContext } from "node:test";
import { DrivenKeys } from "../../src/cli/serving/driven-keys.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import { pin, SoftHsm } from "../support/softhsm.ts";
import { serve, type TestServer } from "./running-server.ts";
import { readTags, serverKey, UploadingPublisher } from "./uploading-publisher.ts";

const lifetimes = { timestampMs: 20_000, snapshotMs: 86_400_000 };

describe("a server's keys in a token", { skip: missingPeers(["softhsm"]) }, () => {
  const scope = new Scope("server-tokens");
  let hsm: SoftHsm;

  before(() => {
    hsm = new SoftHsm(scope);
    // The module runs in this process.
    process.env["SOFTHSM2_CONF"] = hsm.env["SOFTHSM2_CONF"];
  });
  after(() => scope.close());

  const keysIn = (label: string, env: Environment = {}): DrivenKeys =>
    new DrivenKeys({
      store: `pkcs11:token=${label}?module-path=${hsm.module}`,
      env: { ...hsm.env, TAGSEAL_TOKEN_PIN: pin, ...env },
      onWarning: () => undefined,
    });

  const ready = async ({ url }: TestServer): Promise<string | undefined> => {
    const response = await fetch(`${url}/_tagseal/ready`);
    return ((await response.json()) as { reasons: Readonly<Record<string, string>> }).reasons["signer"];
  };

  const rows = ({ dataDir }: TestServer): readonly Record<string, unknown>[] => {
    const database = new DatabaseSync(join(dataDir, "signer.db"), { readOnly: true });
    try {
      return database.prepare("SELECT private, passphrase_alias AS alias, gun, role FROM private_keys").all();
    } finally {
      database.close();
    }
  };

  const start = async (t: TestContext, keyService: DrivenKeys, dataDir?: string): Promise<TestServer> =>
    await serve(t, { keyService, lifetimes, ...(dataDir === undefined ? {} : { dataDir }) });

  it("I6: sign timestamps and snapshots, also after a restart, and nothing private is on disk", async (t) => {
    await hsm.token("works");
    const first = await start(t, keysIn("works"));
    const publisher = new UploadingPublisher(first.url, "a/app");
    await publisher.begin();
    await first.close();
    const second = await start(t, keysIn("works"), first.dataDir);
    assert.deepEqual(await readTags(second.url, "a/app"), ["v1"]);
    await new UploadingPublisher(second.url, "b/app").begin();
    const stored = rows(second);
    assert.deepEqual(stored.map(({ gun, role }) => `${String(gun)} ${String(role)}`).toSorted(), [
      "a/app snapshot",
      "a/app timestamp",
      "b/app snapshot",
      "b/app timestamp",
    ]);
    for (const { private: kept, alias } of stored) {
      assert.match(
        String(kept),
        /^pkcs11:token=works;serial=[0-9a-f]+;object=tagseal-(?:snapshot|timestamp)-[0-9a-f]{16};id=[%0-9A-F]+$/u,
      );
      assert.equal(alias, "");
    }
    assert.ok(!readdirSync(second.dataDir).includes("signer.passphrase"));
  });

  it("I9: a token that is away is 503 and a fault, readers are served, and it works again when it is back", async (t) => {
    await hsm.token("away");
    const server = await start(t, keysIn("away"));
    await new UploadingPublisher(server.url, "a/app").begin();
    // With its configuration: first the module fails, then it does not even start.
    const tokens = scope.path("softhsm");
    renameSync(tokens, `${tokens}-away`);
    const refused = await fetch(`${server.url}/v2/b/app/_trust/tuf/timestamp.key`);
    assert.equal(refused.status, 503, await refused.text());
    const line = server.lines.findLast(({ error }) => error !== undefined);
    assert.match(String(line?.["error"]), /CKR_/u);
    await waitUntil("the fault shows", async () => (await ready(server)) === "KEY_SERVICE_UNAVAILABLE");
    assert.deepEqual(await readTags(server.url, "a/app"), ["v1"]);
    renameSync(`${tokens}-away`, tokens);
    await waitUntil("the fault has ended", async () => (await ready(server)) === undefined);
    await new UploadingPublisher(server.url, "b/app").begin();
    assert.deepEqual(await readTags(server.url, "b/app"), ["v1"]);
  });

  it("use a wrong PIN once, and not again while the server runs", async (t) => {
    await hsm.token("wrong");
    let asked = 0;
    const env = Object.defineProperty({}, "TAGSEAL_TOKEN_PIN", {
      enumerable: true,
      get: () => (asked += 1) && "000000",
    });
    const service = new DrivenKeys({
      store: `pkcs11:token=wrong?module-path=${hsm.module}`,
      env: Object.setPrototypeOf(env, hsm.env) as Environment,
      onWarning: () => undefined,
    });
    const server = await start(t, service);
    await waitUntil("the fault shows", async () => (await ready(server)) === "PIN_WRONG");
    const once = asked;
    assert.equal((await fetch(`${server.url}/v2/a/app/_trust/tuf/timestamp.key`)).status, 503);
    await assert.rejects(service.check(), { code: "PIN_WRONG" });
    await assert.rejects(service.make("another", "ecdsa"), { code: "PIN_WRONG" });
    assert.equal(asked, once);
  });

  it("say that there is no PIN, and that the token is not there", async (t) => {
    await hsm.token("silent");
    const server = await start(t, keysIn("silent", { TAGSEAL_TOKEN_PIN: undefined }));
    await waitUntil("the fault shows", async () => (await ready(server)) === "KEY_SERVICE_UNAVAILABLE");
    const isTold = (): boolean => server.lines.some(({ error }) => /TAGSEAL_TOKEN_PIN is not set/u.test(String(error)));
    await waitUntil("the log says so", isTold);
    await assert.rejects(keysIn("nowhere").check(), { code: "KEY_SERVICE_UNAVAILABLE", message: /No token matches/u });
  });

  it("a row decides neither which library is loaded nor which file is read", async () => {
    const { publicKey } = PrivateKey.generate("ecdsa");
    for (const access of ["module-path=/tmp/library.so", "pin-source=file:/etc/shadow"]) {
      const uri = `pkcs11:token=works;object=a?${access}`;
      await assert.rejects(keysIn("works").open({ uri, publicKey }), { code: "KEY_URI_INVALID" });
    }
  });

  it("are made in a place, not under the name of one key", async () => {
    for (const store of ["pkcs11:token=works;object=one", "pkcs11:token=works;id=%01", "vault:transit/one"]) {
      const service = new DrivenKeys({ store, env: hsm.env, onWarning: () => undefined });
      await assert.rejects(service.checkUri(), { code: "SERVER_CONFIGURATION" });
    }
    await new DrivenKeys({ store: "exec:kms/eu-west-1", env: hsm.env, onWarning: () => undefined }).checkUri();
  });

  it("the same key is promised until it signs", async (t) => {
    await hsm.token("promised");
    const server = await start(t, keysIn("promised"));
    const one = await serverKey(server.url, "a/app", "timestamp");
    assert.equal((await serverKey(server.url, "a/app", "timestamp")).keyId, one.keyId);
    assert.notEqual((await serverKey(server.url, "b/app", "timestamp")).keyId, one.keyId);
  });

  it("that are lost with their token keep the server from starting until that is accepted; another token has the next ones", async (t) => {
    await hsm.token("lost");
    await hsm.token("next");
    const first = await start(t, keysIn("lost"));
    const { dataDir } = first;
    await new UploadingPublisher(first.url, "a/app").begin();
    await first.close();
    await hsm.remove("lost");
    await assert.rejects(start(t, keysIn("next"), dataDir), { code: "SIGNING_KEY_MISSING" });
    const server = await serve(t, { keyService: keysIn("next"), lifetimes, dataDir, acceptLostKeys: true });
    assert.deepEqual(await readTags(server.url, "a/app"), ["v1"]);
    await serverKey(server.url, "a/app", "timestamp", "POST");
    assert.ok(rows(server).some(({ private: kept }) => String(kept).startsWith("pkcs11:token=next;")));
  });
});
