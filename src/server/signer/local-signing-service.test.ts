import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { verifySignature } from "../../crypto/signature.ts";
import { openLocalSigningService } from "./local-signing-service.ts";
import { onePassphrase, type SignerPassphrases } from "./signer-passphrases.ts";
import type { NamesKey, SigningService } from "./signing-service.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

const gun = "docker.io/library/alpine";
const payload = Buffer.from("{}");
const now = (): Date => new Date("2026-11-23T04:00:00Z");

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "tagseal-signer-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Opening {
  readonly given?: SignerPassphrases | undefined;
  readonly onGenerated?: (path: string) => void;
  readonly namesKey?: NamesKey;
}

async function openWith(t: TestContext, dataDir: string, { namesKey, ...source }: Opening): Promise<SigningService> {
  const table = new SqliteKeyTable(join(dataDir, "signer.db"));
  const passphrases = { ...source, file: join(dataDir, "signer.passphrase") };
  const signer = await openLocalSigningService({ table, passphrases, namesKey, now });
  t.after(() => signer.close());
  return signer;
}

function open(t: TestContext, dataDir: string, passphrase?: string): Promise<SigningService> {
  return openWith(t, dataDir, { given: onePassphrase(passphrase) });
}

async function sign(
  signer: SigningService,
  keyId: string,
  role: "timestamp" | "snapshot" = "timestamp",
): Promise<void> {
  const key = await signer.find(gun, role, keyId);
  assert.ok(key);
  const { method, value } = await key.sign(payload);
  assert.ok(verifySignature(key.publicKey, { keyId, method, value }, payload));
}

function storedKeys(dataDir: string): number {
  const database = new DatabaseSync(join(dataDir, "signer.db"), { readOnly: true });
  const count = Number(database.prepare("SELECT count(*) AS n FROM private_keys").get()?.["n"]);
  database.close();
  return count;
}

describe("the signer's keys", () => {
  it("answers the same pending key until it is used, also after a restart", async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await open(t, dataDir);
    const key = await first.pendingKey(gun, "timestamp");
    assert.equal(key.keyType, "ecdsa");
    assert.equal((await first.pendingKey(gun, "timestamp")).keyId, key.keyId);
    await first.close();
    const second = await open(t, dataDir);
    assert.equal((await second.pendingKey(gun, "timestamp")).keyId, key.keyId);
    await sign(second, key.keyId);
  });

  it("keeps nothing for keys that nobody uses", async (t) => {
    const dataDir = temporaryDirectory(t);
    const signer = await open(t, dataDir);
    for (let number = 0; number < 50; number += 1) await signer.pendingKey(`stranger/${number}`, "timestamp");
    assert.equal(storedKeys(dataDir), 0);
  });

  it("I7: has kept a key before its first signature is out", async (t) => {
    const dataDir = temporaryDirectory(t);
    const signer = await open(t, dataDir);
    await sign(signer, (await signer.pendingKey(gun, "timestamp")).keyId);
    assert.equal(storedKeys(dataDir), 1);
  });

  it("offers another key once one has signed, and still finds the one that did", async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await open(t, dataDir);
    const used = await first.pendingKey(gun, "timestamp");
    await sign(first, used.keyId);
    const next = await first.pendingKey(gun, "timestamp");
    assert.notEqual(next.keyId, used.keyId);
    await first.close();
    const second = await open(t, dataDir);
    await sign(second, used.keyId);
    await sign(second, next.keyId);
  });

  it("finds a key only for the role and the collection it was made for", async (t) => {
    const signer = await open(t, temporaryDirectory(t));
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    await sign(signer, keyId);
    assert.equal(await signer.find(gun, "snapshot", keyId), undefined);
    assert.equal(await signer.find("docker.io/library/other", "timestamp", keyId), undefined);
  });

  it("I6: holds private keys on disk only under its passphrase", async (t) => {
    const dataDir = temporaryDirectory(t);
    const signer = await open(t, dataDir);
    await sign(signer, (await signer.pendingKey(gun, "timestamp")).keyId);
    await signer.close();
    const database = new DatabaseSync(join(dataDir, "signer.db"));
    t.after(() => database.close());
    const row = database.prepare("SELECT * FROM private_keys").get();
    assert.match(String(row?.["private"]), /^eyJ[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+$/u);
    assert.equal(row?.["encryption_alg"], "A256GCM");
    assert.equal(row?.["keywrap_alg"], "PBES2-HS256+A128KW");
  });
});

describe("the signer's passphrase", () => {
  it("is generated on the first start, into a file that only the owner reads", async (t) => {
    const dataDir = temporaryDirectory(t);
    const told: string[] = [];
    await (await openWith(t, dataDir, { onGenerated: (path) => told.push(path) })).close();
    const path = join(dataDir, "signer.passphrase");
    assert.deepEqual(told, [path]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(readFileSync(path, "utf8"), /^[\w-]{43}\n$/u);
  });

  it("is not written anywhere when it is given", async (t) => {
    const dataDir = temporaryDirectory(t);
    await open(t, dataDir, "given by the operator");
    assert.throws(() => statSync(join(dataDir, "signer.passphrase")), { code: "ENOENT" });
  });

  it("stops the start when it is wrong", async (t) => {
    const dataDir = temporaryDirectory(t);
    await (await open(t, dataDir, "first passphrase")).close();
    await assert.rejects(open(t, dataDir, "second passphrase"), { code: "PASSPHRASE_WRONG" });
  });

  it("stops the start when it is missing, and never makes a new one for existing keys", async (t) => {
    const dataDir = temporaryDirectory(t);
    await (await open(t, dataDir)).close();
    rmSync(join(dataDir, "signer.passphrase"));
    await assert.rejects(open(t, dataDir), { code: "PASSPHRASE_UNAVAILABLE", hint: /signer\.passphrase/u });
    assert.throws(() => statSync(join(dataDir, "signer.passphrase")), { code: "ENOENT" });
  });

  it("must not be short", async (t) => {
    await assert.rejects(open(t, temporaryDirectory(t), "short"), { code: "PASSPHRASE_TOO_SHORT" });
  });

  it("may be put into the file before the first start", async (t) => {
    const dataDir = temporaryDirectory(t);
    writeFileSync(join(dataDir, "signer.passphrase"), "written by the operator\n", { mode: 0o600 });
    await (await open(t, dataDir)).close();
    await open(t, dataDir, "written by the operator");
  });

  it("does not take an empty file for a passphrase", async (t) => {
    const dataDir = temporaryDirectory(t);
    writeFileSync(join(dataDir, "signer.passphrase"), "", { mode: 0o600 });
    await assert.rejects(open(t, dataDir), { code: "PASSPHRASE_TOO_SHORT" });
  });
});
