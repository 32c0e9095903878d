import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { verifySignature } from "../../crypto/signature.ts";
import type { Sealed } from "./key-table.ts";
import { openLocalSigningService } from "./local-signing-service.ts";
import { rekey } from "./rekey.ts";
import type { SignerPassphrases } from "./signer-passphrases.ts";
import type { SigningService } from "./signing-service.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

const old = "the first passphrase";
const next = "the second passphrase";
const now = (): Date => new Date("2026-11-23T04:00:00Z");

function passphrases(defaultAlias: string, ...aliases: [string, string][]): SignerPassphrases {
  return { defaultAlias, byAlias: new Map(aliases) };
}

const onlyOld = passphrases("first", ["first", old]);
const both = passphrases("second", ["FIRST", old], ["SECOND", next]);
const onlyNext = passphrases("second", ["second", next]);

function open(t: TestContext, path: string): SqliteKeyTable {
  const table = new SqliteKeyTable(path);
  t.after(() => table.close());
  return table;
}

async function serve(t: TestContext, path: string, given: SignerPassphrases): Promise<SigningService> {
  const signer = await openLocalSigningService({ table: open(t, path), passphrases: { given }, now });
  t.after(() => signer.close());
  return signer;
}

/** Signs with the pending key of a collection, so that it is kept. @returns its ID */
async function use(signer: SigningService, gun: string): Promise<string> {
  const { keyId } = await signer.pendingKey(gun, "timestamp");
  await sign(signer, gun, keyId);
  return keyId;
}

async function sign(signer: SigningService, gun: string, keyId: string): Promise<void> {
  const key = await signer.find(gun, "timestamp", keyId);
  assert.ok(key, `the signer holds ${keyId}`);
  const payload = Buffer.from("{}");
  assert.ok(verifySignature(key.publicKey, { keyId, ...(await key.sign(payload)) }, payload));
}

/** A signer with three keys under the first passphrase. */
async function signerOfThree(t: TestContext): Promise<{ path: string; keyIds: Map<string, string> }> {
  const directory = temporaryDirectory(t);
  const path = join(directory, "signer.db");
  const signer = await serve(t, path, onlyOld);
  const keyIds = new Map<string, string>();
  for (const gun of ["a", "b", "c"]) keyIds.set(gun, await use(signer, gun));
  await signer.close();
  return { path, keyIds };
}

/** Fails like a killed process, after some keys were resealed. */
class TableThatEnds extends SqliteKeyTable {
  #left: number;

  constructor(path: string, left: number) {
    super(path);
    this.#left = left;
  }

  override async resealKey(keyId: string, from: Sealed, to: Sealed): Promise<boolean> {
    this.#left -= 1;
    if (this.#left < 0) throw new Error("the process ends here");
    return super.resealKey(keyId, from, to);
  }
}

describe("rekeying a signer", () => {
  it("puts every key, and the secret of pending keys, under the default passphrase", async (t) => {
    const { path, keyIds } = await signerOfThree(t);
    const before = await serve(t, path, onlyOld);
    const pending = await before.pendingKey("never used", "timestamp");
    const report = await rekey({ table: open(t, path), passphrases: both });
    assert.deepEqual([...report.resealed], [["first", 3]]);
    assert.equal(report.isSecretResealed, true);
    assert.deepEqual(report.aliasesStillNeeded, []);
    const after = await serve(t, path, onlyNext);
    for (const [gun, keyId] of keyIds) await sign(after, gun, keyId);
    assert.equal((await after.pendingKey("never used", "timestamp")).keyId, pending.keyId);
    await assert.rejects(serve(t, path, onlyOld), { code: "PASSPHRASE_UNAVAILABLE" });
  });

  it("changes nothing in a dry run", async (t) => {
    const { path } = await signerOfThree(t);
    const table = open(t, path);
    const [secret, keys] = [await table.derivationSecret(), await table.keys("", 10)];
    const report = await rekey({ table, passphrases: both, isDryRun: true });
    assert.deepEqual([...report.resealed], [["first", 3]]);
    assert.equal(report.isSecretResealed, true);
    assert.deepEqual(await table.derivationSecret(), secret);
    assert.deepEqual(await table.keys("", 10), keys);
  });

  it("continues where an earlier run was interrupted", async (t) => {
    const { path } = await signerOfThree(t);
    const table = open(t, path);
    const interrupted = new TableThatEnds(path, 2);
    t.after(() => interrupted.close());
    await assert.rejects(rekey({ table: interrupted, passphrases: both }), /the process ends here/u);
    const report = await rekey({ table, passphrases: both });
    assert.deepEqual([...report.resealed], [["first", 1]]);
    assert.equal(report.upToDate, 2);
    assert.equal(report.isSecretResealed, false);
    await serve(t, path, onlyNext);
  });

  it("may run twice at once beside a server that signs and makes keys", async (t) => {
    const { path, keyIds } = await signerOfThree(t);
    const server = await serve(t, path, both);
    const [one, two, made] = await Promise.all([
      rekey({ table: open(t, path), passphrases: both }),
      rekey({ table: open(t, path), passphrases: both }),
      use(server, "new"),
      ...[...keyIds].map(([gun, keyId]) => sign(server, gun, keyId)),
    ]);
    assert.equal((one.resealed.get("first") ?? 0) + (two.resealed.get("first") ?? 0), 3);
    assert.deepEqual([one.failed, two.failed], [[], []]);
    const after = await serve(t, path, onlyNext);
    for (const [gun, keyId] of [...keyIds, ["new", made] as const]) await sign(after, gun, keyId);
  });

  it("stops before any change when the passphrase of a key is missing", async (t) => {
    const { path } = await signerOfThree(t);
    const table = open(t, path);
    const before = await table.keys("", 10);
    await assert.rejects(rekey({ table, passphrases: onlyNext }), { code: "PASSPHRASE_UNAVAILABLE", hint: /FIRST/u });
    await assert.rejects(rekey({ table, passphrases: passphrases("third", ["first", old]) }), {
      code: "PASSPHRASE_UNAVAILABLE",
      hint: /NOTARY_SIGNER_THIRD/u,
    });
    assert.deepEqual(await table.keys("", 10), before);
  });

  it("reports a damaged key, leaves it, and reseals the others", async (t) => {
    const { path, keyIds } = await signerOfThree(t);
    const table = open(t, path);
    const keyId = keyIds.get("b") ?? "";
    const kept = await table.keyById(keyId);
    assert.ok(kept);
    await table.resealKey(keyId, kept, { ...kept, sealed: `${kept.sealed.slice(0, -4)}AAAA` });
    const report = await rekey({ table, passphrases: both });
    assert.deepEqual(
      report.failed.map(({ keyId: failed, alias, error }) => [failed, alias, error.code]),
      [[keyId, "first", "PASSPHRASE_WRONG"]],
    );
    assert.deepEqual([...report.resealed], [["first", 2]]);
    assert.deepEqual(report.aliasesStillNeeded, ["first"]);
  });
});
