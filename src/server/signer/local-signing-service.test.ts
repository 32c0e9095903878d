import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { modeOf } from "../../../test/support/file-mode.ts";
import { notaryRow } from "../../../test/support/notary-signer-row.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { verifySignature } from "../../crypto/signature.ts";
import type { SealedKey } from "./key-table.ts";
import { openLocalSigningService } from "./local-signing-service.ts";
import { sealSecret } from "./sealed-secret.ts";
import { onePassphrase, type SignerPassphrases } from "./signer-passphrases.ts";
import type { GivenPassphrases } from "./given-passphrases.ts";
import type { NamesKey, SigningService } from "./signing-service.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

const gun = "docker.io/library/alpine";
const payload = Buffer.from("{}");
const now = (): Date => new Date("2026-11-23T04:00:00Z");

interface Opening {
  readonly given?: GivenPassphrases | undefined;
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

  it("stores nothing for keys that are never used", async (t) => {
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

  it("stops signing with a key within seconds of another process removing it", async (t) => {
    const dataDir = temporaryDirectory(t);
    const clock = { ms: now().getTime() };
    const file = join(dataDir, "signer.passphrase");
    const [table, elsewhere] = [0, 1].map(() => new SqliteKeyTable(join(dataDir, "signer.db")));
    assert.ok(table && elsewhere);
    const signer = await openLocalSigningService({ table, passphrases: { file }, now: () => new Date(clock.ms) });
    t.after(() => Promise.all([signer.close(), elsewhere.close()]));
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    for (let time = 1; time <= 2; time += 1) await sign(signer, keyId);
    assert.equal(await elsewhere.removeKey(keyId, now()), true);
    clock.ms += 5000;
    assert.equal(await signer.find(gun, "timestamp", keyId), undefined);
    assert.notEqual((await signer.pendingKey(gun, "timestamp")).keyId, keyId);
  });

  it("I6: stores private keys on disk only under its passphrase", async (t) => {
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
    assert.equal(modeOf(path), 0o600);
    assert.match(readFileSync(path, "utf8"), /^[\w-]{43}\n$/u);
  });

  it("is not stored anywhere when it is given", async (t) => {
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

describe("keys imported from Notary's signer", () => {
  const row = { keyId: notaryRow.keyId, sealed: notaryRow.sealed };
  const given: SignerPassphrases = {
    byAlias: new Map([
      ["ALIAS1", "signerpw1"],
      ["ours", "a passphrase of ours"],
    ]),
    defaultAlias: "ours",
  };

  async function bring(dataDir: string, changes: Partial<SealedKey> = {}): Promise<void> {
    const table = new SqliteKeyTable(join(dataDir, "signer.db"));
    const rest = { algorithm: "ecdsa", publicKey: new Uint8Array(), createdAt: now() } as const;
    await table.insertKey({ ...row, ...rest, alias: "alias1", gun, role: "timestamp", ...changes });
    await table.close();
  }

  /** A key as Notary's signer would write it. */
  async function sealedAs(algorithm: "ed25519" | "rsa"): Promise<Partial<SealedKey>> {
    const key = PrivateKey.generate(algorithm);
    const bytes = algorithm === "rsa" ? pkcs1Of(key) : key.toNotaryEd25519();
    return { algorithm, keyId: key.publicKey.keyId, sealed: await sealSecret(bytes, "signerpw1") };
  }

  function pkcs1Of(key: PrivateKey): Uint8Array {
    const handle = createPrivateKey({ key: Buffer.from(key.toPkcs8()), format: "der", type: "pkcs8" });
    return handle.export({ format: "der", type: "pkcs1" });
  }

  it("sign as they are, beside keys made here", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir);
    const signer = await openWith(t, dataDir, { given });
    await sign(signer, row.keyId);
    const pending = await signer.pendingKey(gun, "timestamp");
    assert.notEqual(pending.keyId, row.keyId);
    await sign(signer, pending.keyId);
    assert.equal(await signer.find(gun, "snapshot", row.keyId), undefined);
  });

  for (const algorithm of ["ed25519", "rsa"] as const) {
    it(`sign with ${algorithm}`, async (t) => {
      const dataDir = temporaryDirectory(t);
      const key = await sealedAs(algorithm);
      await bring(dataDir, key);
      await sign(await openWith(t, dataDir, { given }), key.keyId ?? "");
    });
  }

  for (const role of ["timestamp", ""] as const) {
    it(`sign without a collection and with the role "${role}" only where a published root names them`, async (t) => {
      const dataDir = temporaryDirectory(t);
      await bring(dataDir, { gun: "", role });
      const namesKey: NamesKey = async (name, of, keyId) => name === gun && of === "timestamp" && keyId === row.keyId;
      const signer = await openWith(t, dataDir, { given, namesKey });
      await sign(signer, row.keyId);
      assert.equal(await signer.find("docker.io/library/other", "timestamp", row.keyId), undefined);
      assert.equal(await signer.find(gun, "snapshot", row.keyId), undefined);
    });
  }

  it("never sign for another role than theirs, whatever a root names", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir, { gun: "", role: "snapshot" });
    const signer = await openWith(t, dataDir, { given, namesKey: async () => true });
    assert.equal(await signer.find(gun, "timestamp", row.keyId), undefined);
  });

  it("stop the start when the passphrase of their alias is missing, and are not replaced", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir);
    const without = { ...given, byAlias: new Map([["ours", "a passphrase of ours"]]) };
    await assert.rejects(openWith(t, dataDir, { given: without }), {
      code: "PASSPHRASE_UNAVAILABLE",
      message: /"alias1"/u,
      hint: /NOTARY_SIGNER_ALIAS1/u,
    });
    await sign(await openWith(t, dataDir, { given }), row.keyId);
  });

  it("start with their passphrases alone: new keys are sealed under the alias that came into use last", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir);
    const key = PrivateKey.generate("ecdsa");
    const sealed = await sealSecret(key.toSec1(), "short");
    const at = new Date(now().getTime() + 1000);
    await bring(dataDir, { keyId: key.publicKey.keyId, sealed, alias: "Alias-2", createdAt: at });
    const byAlias = new Map([
      ["alias1", "signerpw1"],
      ["alias_2", "short"],
    ]);
    const signer = await openWith(t, dataDir, { given: { byAlias } });
    await sign(signer, (await signer.pendingKey(gun, "snapshot")).keyId, "snapshot");
    const database = new DatabaseSync(join(dataDir, "signer.db"), { readOnly: true });
    t.after(() => database.close());
    const aliases = database.prepare(
      "SELECT DISTINCT passphrase_alias AS alias FROM private_keys WHERE role = 'snapshot'",
    );
    assert.deepEqual(
      aliases.all().map((found) => found["alias"]),
      ["Alias-2"],
    );
    assert.ok(!existsSync(join(dataDir, "signer.passphrase")), "none is generated beside those that are given");
  });

  it("stop the start with one reason for all passphrases that are wrong", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir);
    for (const alias of ["alias2", "alias2", "alias3"]) {
      const key = PrivateKey.generate("ecdsa");
      const sealed = await sealSecret(key.toSec1(), `the passphrase ${alias}`);
      await bring(dataDir, { keyId: key.publicKey.keyId, sealed, alias });
    }
    const byAlias = new Map([
      ["alias1", "signerpw1"],
      ["alias2", "not the passphrase"],
      ["alias3", "not the passphrase"],
    ]);
    await assert.rejects(openWith(t, dataDir, { given: { byAlias } }), {
      code: "PASSPHRASE_WRONG",
      message: /: 2 passphrases are wrong, .*: NOTARY_SIGNER_ALIAS2, NOTARY_SIGNER_ALIAS3$/u,
    });
  });

  it("stop the start when the passphrase of their alias is another one", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir);
    const byAlias = new Map([...given.byAlias, ["ALIAS1", "signerpw2"] as const]);
    await assert.rejects(openWith(t, dataDir, { given: { ...given, byAlias } }), { code: "PASSPHRASE_WRONG" });
  });

  it("are refused when a row holds another key than it names", async (t) => {
    const dataDir = temporaryDirectory(t);
    await bring(dataDir, { keyId: "a".repeat(64) });
    await assert.rejects(openWith(t, dataDir, { given }), { code: "KEY_MALFORMED", message: /another key/u });
  });
});
