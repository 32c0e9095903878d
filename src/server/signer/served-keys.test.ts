import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { signingServiceContract, signOnce } from "../../../test/contract/signing-service.ts";
import { MemoryKeyService } from "../../../test/support/memory-key-service.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { openLocalSigningService } from "./local-signing-service.ts";
import { moveKeys } from "./move-keys.ts";
import { rekey } from "./rekey.ts";
import { onePassphrase } from "./signer-passphrases.ts";
import type { NamesKey, SigningService } from "./signing-service.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

const gun = "docker.io/library/alpine";
const now = (): Date => new Date("2026-11-23T04:00:00Z");

interface Opening {
  readonly service?: MemoryKeyService;
  readonly namesKey?: NamesKey | undefined;
  readonly maxPendingKeys?: number;
}

async function openWith(t: TestContext, dataDir: string, options: Opening): Promise<SigningService> {
  const table = new SqliteKeyTable(join(dataDir, "signer.db"));
  const passphrases = { file: join(dataDir, "signer.passphrase") };
  const signer = await openLocalSigningService({ table, passphrases, now, ...options });
  t.after(() => signer.close());
  return signer;
}

signingServiceContract("A local signer with keys in a token", async (t) => {
  const dataDir = temporaryDirectory(t);
  const service = new MemoryKeyService();
  return (namesKey) => openWith(t, dataDir, { service, namesKey });
});

describe("a signer's keys that are kept elsewhere", () => {
  it("makes no passphrase and no secret where no key needs one", async (t) => {
    const dataDir = temporaryDirectory(t);
    const signer = await openWith(t, dataDir, { service: new MemoryKeyService() });
    await signOnce(signer, gun, (await signer.pendingKey(gun, "timestamp")).keyId);
    assert.equal(existsSync(join(dataDir, "signer.passphrase")), false);
  });

  it("I6: the table has the URI and the public half", async (t) => {
    const dataDir = temporaryDirectory(t);
    const service = new MemoryKeyService();
    const signer = await openWith(t, dataDir, { service });
    const { keyId, bytes } = await signer.pendingKey(gun, "timestamp");
    await signOnce(signer, gun, keyId);
    const table = new SqliteKeyTable(join(dataDir, "signer.db"));
    t.after(() => table.close());
    const [uri] = service.keys.keys();
    const row = await table.keyById(keyId);
    assert.ok(row);
    const { createdAt: _createdAt, ...kept } = row;
    const publicKey = new Uint8Array(bytes);
    assert.deepEqual(kept, { keyId, gun, role: "timestamp", algorithm: "ecdsa", publicKey, sealed: uri, alias: "" });
  });

  it("uses sealed keys, and promises of sealed ones, after new keys are made elsewhere", async (t) => {
    const dataDir = temporaryDirectory(t);
    const before = await openWith(t, dataDir, {});
    const used = await before.pendingKey(gun, "timestamp");
    await signOnce(before, gun, used.keyId);
    const promised = await before.pendingKey(gun, "timestamp");
    await before.close();
    const service = new MemoryKeyService();
    const after = await openWith(t, dataDir, { service });
    for (const { keyId } of [used, promised]) await signOnce(after, gun, keyId);
    assert.equal(service.keys.size, 0);
    const { keyId } = await after.pendingKey(gun, "timestamp");
    assert.deepEqual(
      [...service.keys.values()].map(({ publicKey }) => publicKey.keyId),
      [keyId],
    );
    await after.close();
    service.makesKeys = false;
    const back = await openWith(t, dataDir, { service });
    await signOnce(back, gun, keyId);
    assert.notEqual((await back.pendingKey(gun, "timestamp")).keyId, keyId);
    assert.equal(service.keys.size, 1, "new keys are sealed again");
  });

  it("a promised key signs for no other collection, even if its root names it", async (t) => {
    const signer = await openWith(t, temporaryDirectory(t), {
      service: new MemoryKeyService(),
      namesKey: async () => true,
    });
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    assert.equal(await signer.find("docker.io/library/other", "timestamp", keyId), undefined);
    assert.equal(await signer.presence("docker.io/library/other", "timestamp", keyId), "unknown");
    await signOnce(signer, gun, keyId);
    assert.equal(await signer.find("docker.io/library/other", "timestamp", keyId), undefined);
  });

  it("beyond the bound, the oldest promise goes to the next request, and is broken", async (t) => {
    const service = new MemoryKeyService();
    const signer = await openWith(t, temporaryDirectory(t), { service, maxPendingKeys: 2 });
    const [first] = [await signer.pendingKey("a", "timestamp"), await signer.pendingKey("b", "timestamp")];
    const held = await signer.find("a", "timestamp", first.keyId);
    assert.ok(held);
    assert.equal((await signer.pendingKey("c", "timestamp")).keyId, first.keyId);
    assert.equal(service.keys.size, 2);
    await assert.rejects(async () => await held.sign(Buffer.from("{}")), { code: "KEY_NOT_FOUND" });
    await signOnce(signer, "c", first.keyId);
  });

  it("an unplugged token keeps the keys out of reach, and loses none", async (t) => {
    const service = new MemoryKeyService();
    const signer = await openWith(t, temporaryDirectory(t), { service });
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    await signOnce(signer, gun, keyId);
    service.isPluggedIn = false;
    assert.equal(signer.isAvailable, false);
    await assert.rejects(signer.check(), { code: "KEY_SERVICE_UNAVAILABLE" });
    await assert.rejects(signer.presence(gun, "timestamp", keyId), { code: "KEY_SERVICE_UNAVAILABLE" });
    service.isPluggedIn = true;
    await signer.check();
    assert.equal(await signer.presence(gun, "timestamp", keyId), "held");
    await signOnce(signer, gun, keyId);
  });

  it("a key that the token has no more is lost, and another one under its name is not used", async (t) => {
    const dataDir = temporaryDirectory(t);
    const service = new MemoryKeyService();
    const signer = await openWith(t, dataDir, { service });
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    await signOnce(signer, gun, keyId);
    const [uri = ""] = service.keys.keys();
    service.keys.set(uri, PrivateKey.generate("ecdsa"));
    await assert.rejects(signer.presence(gun, "timestamp", keyId), { code: "KEY_CHANGED" });
    service.keys.clear();
    assert.equal(await signer.presence(gun, "timestamp", keyId), "lost");
    await signer.close();
    const again = await openWith(t, dataDir, { service });
    assert.equal(await again.find(gun, "timestamp", keyId), undefined);
    assert.notEqual((await again.pendingKey(gun, "timestamp")).keyId, keyId);
  });

  it("rekey leaves them alone, and a move takes them along", async (t) => {
    const [dataDir, other] = [temporaryDirectory(t), temporaryDirectory(t)];
    const service = new MemoryKeyService();
    const signer = await openWith(t, dataDir, { service });
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    await signOnce(signer, gun, keyId);
    await signer.close();
    const passphrases = onePassphrase("correct horse") ?? assert.fail();
    const from = { table: new SqliteKeyTable(join(dataDir, "signer.db")), passphrases };
    const to = { table: new SqliteKeyTable(join(other, "signer.db")), passphrases };
    t.after(async () => await Promise.all([from.table.close(), to.table.close()]));
    const report = await rekey(from);
    assert.deepEqual([report.elsewhere, report.upToDate, report.failed], [1, 0, []]);
    const before = await from.table.keyById(keyId);
    const moved = await moveKeys({ from, to, drop: true, isDryRun: false, now: now() });
    assert.deepEqual([moved.copied, moved.dropped, moved.failed, moved.secret], [1, 1, [], "none"]);
    assert.deepEqual(await to.table.keyById(keyId), before);
  });
});
