import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { connect } from "node:http2";
import { describe, it, type TestContext } from "node:test";
import { signingServiceContract, signOnce } from "../../../test/contract/signing-service.ts";
import { needsOpenssl } from "../../../test/support/openssl.ts";
import { waitUntil } from "../../../test/support/processes.ts";
import { RemoteSigners } from "../../../test/support/remote-signers.ts";
import { TagsealError } from "../../errors.ts";
import { onePassphrase } from "./signer-passphrases.ts";
import type { NamesKey, SigningService } from "./signing-service.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

const gun = "docker.io/library/alpine";
const signers = RemoteSigners.forFile();

describe("a signer in another process", { skip: needsOpenssl }, () => {
  signingServiceContract("a remote signer with ECDSA keys", (t) => signers.start(t));
  signingServiceContract("a remote signer with Ed25519 keys", (t) => signers.start(t, { algorithm: "ed25519" }));

  it("makes keys of the configured algorithm", async (t) => {
    const signer = await (await signers.start(t, { algorithm: "ed25519" }))();
    assert.equal((await signer.pendingKey(gun, "timestamp")).keyType, "ed25519");
  });

  it("I10: answers no caller with a certificate of another authority", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const stranger = { certFile: signers.strange.serverCertificate, keyFile: signers.strange.serverKey };
    const signer = await signers.use(t, { port, tablePath: signers.fresh("server.db"), ...stranger });
    await assert.rejects(signer.pendingKey(gun, "timestamp"), { code: "SIGNING_SERVICE_UNREACHABLE" });
    await assert.rejects(signer.check(), { code: "SIGNING_SERVICE_UNREACHABLE" });
  });

  it("I10: answers no caller without a certificate", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const session = connect(`https://localhost:${port}`, { ca: readFileSync(signers.trusted.ca) });
    t.after(() => session.destroy());
    const request = session.request({
      ":method": "POST",
      ":path": "/proto.Signer/Sign",
      "content-type": "application/grpc",
    });
    const refused = Promise.withResolvers<Error>();
    session.on("error", refused.resolve);
    request.on("error", refused.resolve);
    request.on("response", (headers) => refused.reject(new Error(`it answered ${headers[":status"]}`)));
    assert.match((await refused.promise).message, /certificate required|socket|closed|reset/iu);
  });

  it("I9: is not believed when its certificate is of another authority", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const signer = await signers.use(t, { port, tablePath: signers.fresh("server.db"), caFile: signers.strange.ca });
    await assert.rejects(signer.pendingKey(gun, "timestamp"), { code: "SIGNING_SERVICE_UNREACHABLE" });
  });

  it("is reported while it is down, and used again, with the same keys, once it is back", async (t) => {
    const [dataDir, tablePath] = [signers.fresh("signer"), signers.fresh("server.db")];
    const first = await signers.signerAt(t, dataDir);
    const told: (TagsealError | undefined)[] = [];
    const server = await signers.use(t, { port: first.port, tablePath, onReachable: (failure) => told.push(failure) });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    await signOnce(server, gun, keyId);
    await first.close();
    const key = await server.find(gun, "timestamp", keyId);
    await assert.rejects(async () => key?.sign(Buffer.from("{}")), { code: "SIGNING_SERVICE_UNREACHABLE" });
    await assert.rejects(server.check(), { code: "SIGNING_SERVICE_UNREACHABLE" });
    await signers.signerAt(t, dataDir, { port: first.port });
    await waitUntil("the server uses the signer again", () =>
      server.check().then(
        () => true,
        () => false,
      ),
    );
    await signOnce(server, gun, keyId);
    assert.deepEqual(
      told.map((failure) => failure?.code),
      ["SIGNING_SERVICE_UNREACHABLE", undefined],
    );
  });
});

describe("a signer that cannot write", { skip: needsOpenssl }, () => {
  it("is reported once, however often it is asked and whatever else it answers, and once more when it can write", async (t) => {
    const keyTable = new SqliteKeyTable(signers.fresh("signer.db"));
    let isFull = true;
    keyTable.check = async () => {
      if (isFull) throw new TagsealError("STORAGE_FAILED", "the disk is full");
    };
    const { port } = await signers.signerAt(t, "", {
      keyTable,
      passphrases: onePassphrase("a passphrase of the test"),
    });
    const told: (string | undefined)[] = [];
    const onReachable = (failure: TagsealError | undefined): void => void told.push(failure?.code);
    const server = await signers.use(t, { port, tablePath: signers.fresh("server.db"), onReachable });
    for (let look = 0; look < 3; look += 1) {
      await assert.rejects(server.check(), { code: "SIGNING_SERVICE_FAILED" });
      await server.pendingKey(gun, "timestamp");
      assert.equal(server.isAvailable, false);
    }
    isFull = false;
    await waitUntil("the signer reports that it can write", () =>
      server.check().then(
        () => true,
        () => false,
      ),
    );
    assert.deepEqual(told, ["SIGNING_SERVICE_FAILED", undefined]);
  });
});

describe("keys promised by a server with a remote signer", { skip: needsOpenssl }, () => {
  it("do not grow in number when strangers ask for the keys of many names", async (t) => {
    const dataDir = signers.fresh("signer");
    const { port } = await signers.signerAt(t, dataDir);
    const tablePath = signers.fresh("server.db");
    const server = await signers.use(t, { port, tablePath, maxPendingKeys: 5 });
    const offered = new Set<string>();
    for (let number = 0; number < 30; number += 1)
      offered.add((await server.pendingKey(`stranger/${number}`, "timestamp")).keyId);
    assert.equal(offered.size, 5);
    const table = new SqliteKeyTable(tablePath);
    t.after(() => table.close());
    assert.equal(await table.assignments.countPending(), 5);
  });

  it("are given to other collections when too many ask, and then no longer sign for the first", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const server = await signers.use(t, { port, tablePath: signers.fresh("server.db"), maxPendingKeys: 1 });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    const early = await server.find(gun, "timestamp", keyId);
    assert.equal((await server.pendingKey("stranger", "timestamp")).keyId, keyId);
    assert.equal(await server.find(gun, "timestamp", keyId), undefined);
    await signOnce(server, "stranger", keyId);
    await assert.rejects(async () => early?.sign(Buffer.from("{}")), { code: "KEY_NOT_FOUND" });
    const again = await server.pendingKey(gun, "timestamp");
    assert.notEqual(again.keyId, keyId);
    await signOnce(server, gun, again.keyId);
  });

  it("are never given to other collections once they have signed", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const server = await signers.use(t, { port, tablePath: signers.fresh("server.db"), maxPendingKeys: 1 });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    await signOnce(server, gun, keyId);
    for (let number = 0; number < 5; number += 1)
      assert.notEqual((await server.pendingKey(`stranger/${number}`, "timestamp")).keyId, keyId);
    await signOnce(server, gun, keyId);
  });

  it("are requested again when the signer has lost them", async (t) => {
    const tablePath = signers.fresh("server.db");
    const first = await signers.signerAt(t, signers.fresh("signer"));
    const before = await (await signers.use(t, { port: first.port, tablePath })).pendingKey(gun, "timestamp");
    await first.close();
    const server = await signers.use(t, {
      port: (await signers.signerAt(t, signers.fresh("another signer"))).port,
      tablePath,
    });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    assert.notEqual(keyId, before.keyId);
    await signOnce(server, gun, keyId);
  });
});

describe("keys from before a server knew its signer", { skip: needsOpenssl }, () => {
  /** A signer that holds a key which another server used. */
  async function withUsedKey(t: TestContext): Promise<{ port: number; keyId: string }> {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const other = await signers.use(t, { port, tablePath: signers.fresh("other.db") });
    const { keyId } = await other.pendingKey(gun, "timestamp");
    await signOnce(other, gun, keyId);
    return { port, keyId };
  }

  it("sign where a published root names them, and from then on nowhere else", async (t) => {
    const { port, keyId } = await withUsedKey(t);
    let published = gun;
    const namesKey: NamesKey = async (name, role, named) =>
      name === published && role === "timestamp" && named === keyId;
    const server = await signers.use(t, { port, tablePath: signers.fresh("server.db"), namesKey });
    assert.equal(await server.find("docker.io/library/other", "timestamp", keyId), undefined);
    await signOnce(server, gun, keyId);
    published = "docker.io/library/other";
    assert.equal(await server.find("docker.io/library/other", "timestamp", keyId), undefined);
    await signOnce(server, gun, keyId);
  });

  it("do not sign for another role than the signer names", async (t) => {
    const { port, keyId } = await withUsedKey(t);
    const server = await signers.use(t, { port, tablePath: signers.fresh("server.db"), namesKey: async () => true });
    assert.equal(await server.find(gun, "snapshot", keyId), undefined);
  });

  it("are an error, not another key, when the signer no longer holds them", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const server = await signers.use(t, { port, tablePath: signers.fresh("server.db"), namesKey: async () => true });
    const unknown = "b".repeat(64);
    await assert.rejects(server.find(gun, "timestamp", unknown), { code: "SIGNING_SERVICE_FAILED", hint: /alias/u });
    // A snapshot key that the signer does not hold is the publisher's own.
    assert.equal(await server.find(gun, "snapshot", unknown), undefined);
  });
});

describe("keys of a server that was restored from a backup", { skip: needsOpenssl }, () => {
  const other = "docker.io/library/other";

  /** Uses a number of keys of a role, one after the other, as rotations do. */
  async function rotated(server: SigningService, count: number): Promise<string[]> {
    const keyIds: string[] = [];
    for (let number = 0; number < count; number += 1) {
      const { keyId } = await server.pendingKey(gun, "timestamp");
      await signOnce(server, gun, keyId);
      keyIds.push(keyId);
    }
    return keyIds;
  }

  it("sign again only for the collection and role that the signer made them for", async (t) => {
    const { port } = await signers.signerAt(t, signers.fresh("signer"));
    const [keyId = ""] = await rotated(await signers.use(t, { port, tablePath: signers.fresh("lost.db") }), 1);
    const restored = await signers.use(t, { port, tablePath: signers.fresh("server.db") });
    assert.equal(await restored.find(other, "timestamp", keyId), undefined);
    assert.equal(await restored.find(gun, "snapshot", keyId), undefined);
    assert.equal(await restored.find(gun, "timestamp", "b".repeat(64)), undefined);
    await signOnce(restored, gun, keyId);
    assert.equal(await restored.find(other, "timestamp", keyId), undefined);
  });

  it("are made again when the signer was restored as well", async (t) => {
    const [today, backup] = [signers.fresh("signer"), signers.fresh("signer of the backup")];
    const first = await signers.signerAt(t, today);
    const [old = ""] = await rotated(
      await signers.use(t, { port: first.port, tablePath: signers.fresh("server.db") }),
      1,
    );
    await first.close();
    cpSync(today, backup, { recursive: true });
    const second = await signers.signerAt(t, today);
    const lost = await rotated(await signers.use(t, { port: second.port, tablePath: signers.fresh("lost.db") }), 2);
    await second.close();
    const third = await signers.signerAt(t, backup);
    const server = await signers.use(t, {
      port: third.port,
      tablePath: signers.fresh("restored.db"),
      namesKey: async () => true,
    });
    for (const keyId of [lost.at(-1) ?? "", old, lost[0] ?? ""]) await signOnce(server, gun, keyId);
    assert.equal(await server.find(other, "timestamp", lost[0] ?? ""), undefined);
    const { keyId: next } = await server.pendingKey(gun, "timestamp");
    assert.ok(![old, ...lost].includes(next), "no key is used twice");
    await signOnce(server, gun, next);
  });
});
