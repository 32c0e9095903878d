/** Moving in from Notary's databases, when they are not what they should be, and when the move is interrupted. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import type { NotaryDatabaseReport } from "../../src/transfer/import-notary-database.ts";
import { tagsealCommand } from "../support/clients.ts";
import { notaryFiles, type NotaryFiles } from "../support/notary-files.ts";
import { newPath, oldPassphrase, published, tagseal, type Ended } from "./moving-story.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { readTags, type UploadingPublisher } from "./uploading-publisher.ts";

const gun = "registry.example.com/team/app";
const other = "registry.example.com/team/other";

interface Old extends NotaryFiles {
  readonly dataDir: string;
  readonly publishers: ReadonlyMap<string, UploadingPublisher>;
}

async function oldServer(t: TestContext, ...guns: readonly string[]): Promise<Old> {
  const { dataDir, publishers } = await published(t, ...guns);
  return { dataDir, publishers, ...(await notaryFiles(dataDir, temporaryDirectory(t))) };
}

async function moveIn(old: NotaryFiles, data: string, env: Readonly<Record<string, string>> = oldPassphrase) {
  const argv = ["import", "notary-db", "--from", old.server, "--signer-from", old.signer, "--data", data, "--json"];
  const ended = await tagseal(argv, env);
  return { ...ended, report: JSON.parse(ended.stdout) as NotaryDatabaseReport };
}

/** Everything a data directory holds, in a form that can be compared. */
function content(dataDir: string): readonly object[] {
  const database = new DatabaseSync(join(dataDir, "metadata.db"), { readOnly: true });
  const files = "SELECT gun, role, version, sha256, data, created_at FROM tuf_files ORDER BY gun, role, version";
  const changes = "SELECT id, gun, version, sha256, category, created_at FROM changefeed ORDER BY id";
  const rows = [...database.prepare(files).all(), ...database.prepare(changes).all()];
  database.close();
  return rows;
}

function problemsOf({ report }: { report: NotaryDatabaseReport }, name = gun): string[] {
  return report.collections.find((found) => found.gun === name)?.problems.map(({ message }) => message) ?? [];
}

describe("moving in from Notary's databases", () => {
  it("brings every byte, time and position, and the server uses the old keys", async (t) => {
    const old = await oldServer(t, gun, other);
    const data = newPath(t);
    const { code, report } = await moveIn(old, data);
    assert.equal(code, 0);
    assert.deepEqual(report.keys, {
      keys: 4,
      inUse: 4,
      aliases: [{ alias: "old", keys: 4, leftOut: 0 }],
      problems: [],
    });
    assert.deepEqual(content(data), content(old.dataDir));

    const byAlias = new Map([["old", oldPassphrase.NOTARY_SIGNER_OLD]]);
    const server = await serve(t, { dataDir: data, signerPassphrases: { byAlias, defaultAlias: "old" } });
    const publisher = await old.publishers.get(gun)?.resumedAt(server.url);
    assert.equal((await publisher?.addTag("v4"))?.status, 200);
    assert.deepEqual(await readTags(server.url, gun), ["v1", "v2", "v3", "v4"]);
  });

  it("may be repeated, and changes nothing then", async (t) => {
    const old = await oldServer(t, gun);
    const data = newPath(t);
    await moveIn(old, data);
    const { code, report } = await moveIn(old, data);
    assert.deepEqual([code, report.collections[0]?.added, report.keys?.keys], [0, 0, 2]);
    assert.deepEqual(content(data), content(old.dataDir));
  });

  it("killed in the middle, is completed by the next run", async (t) => {
    const guns = Array.from({ length: 40 }, (_, index) => `registry.example.com/many/app-${index}`);
    const old = await oldServer(t, ...guns);
    const data = newPath(t);
    await importKilled(old, data);
    const kept = content(data).length;
    assert.ok(kept > 0 && kept < content(old.dataDir).length, `${kept} rows were there when it was killed`);
    assert.equal((await moveIn(old, data)).code, 0);
    assert.deepEqual(content(data), content(old.dataDir));
  });

  it("writes nothing to the databases it reads", async (t) => {
    const old = await oldServer(t, gun);
    const before = new DatabaseSync(old.server, { readOnly: true }).prepare("PRAGMA data_version").get();
    await moveIn(old, newPath(t));
    assert.deepEqual(new DatabaseSync(old.server, { readOnly: true }).prepare("PRAGMA data_version").get(), before);
  });

  it("reports a row whose bytes were damaged, and brings the rest", async (t) => {
    const old = await oldServer(t, gun, other);
    old.inServer("update tuf_files set data = X'7b7d' where gun = ? and role = 'targets' and version = 2", gun);
    const data = newPath(t);
    const moved = await moveIn(old, data);
    assert.equal(moved.code, 1);
    assert.match(problemsOf(moved).join("\n"), /^targets 2 \(row \d+\) was not imported: its bytes have the SHA-256 /u);
    assert.equal(problemsOf(moved).length, 1, "what is current is whole");
    assert.deepEqual(problemsOf(moved, other), []);
    assert.equal(content(data).length, content(old.dataDir).length - 1);
  });

  it("says that a collection does not verify when what is current was damaged", async (t) => {
    const old = await oldServer(t, gun);
    old.inServer("update tuf_files set data = X'7b7d', sha256 = null where role = 'snapshot' and version = 3");
    const moved = await moveIn(old, newPath(t));
    assert.equal(moved.code, 1);
    assert.match(problemsOf(moved).join("\n"), /^does not verify: snapshot\.[0-9a-f]{64} of .* is not stored$/u);
  });

  it("recomputes hashes that old releases left out", async (t) => {
    const old = await oldServer(t, gun);
    old.inServer("update tuf_files set sha256 = null");
    const data = newPath(t);
    assert.equal((await moveIn(old, data)).code, 0);
    assert.deepEqual(content(data), content(old.dataDir));
  });

  const hostileRows: readonly { readonly name: string; readonly set: string; readonly says: RegExp }[] = [
    { name: "a role that is none", set: "role = '../targets'", says: /its role is invalid/u },
    { name: "version 0", set: "version = 0", says: /its version is invalid/u },
    { name: "a version beyond all numbers", set: "version = 9007199254740991", says: /its version is invalid/u },
    {
      name: "more bytes than any reader takes",
      set: "data = zeroblob(11000000), role = 'root'",
      says: /bytes, more than/u,
    },
  ];
  for (const { name, set, says } of hostileRows) {
    it(`I1: leaves out a row with ${name}`, async (t) => {
      const old = await oldServer(t, gun);
      old.inServer(`update tuf_files set ${set} where role = 'targets' and version = 2`);
      const moved = await moveIn(old, newPath(t));
      assert.equal(moved.code, 1);
      assert.match(problemsOf(moved).join("\n"), says);
    });
  }

  it("I8: leaves out a collection with an impossible name", async (t) => {
    const old = await oldServer(t, gun, other);
    old.inServer("update tuf_files set gun = '../../etc' where gun = ?", gun);
    const moved = await moveIn(old, newPath(t));
    assert.equal(moved.code, 1);
    assert.match(problemsOf(moved, "../../etc").join(), /no empty, \. or \.\. segments/u);
    assert.deepEqual(problemsOf(moved, other), []);
  });

  it("mixes nothing into another collection of the same name", async (t) => {
    const here = await published(t, gun);
    const old = await oldServer(t, gun, other);
    const before = content(here.dataDir);
    const env = { ...oldPassphrase };
    const moved = await moveIn(old, here.dataDir, env);
    assert.equal(moved.code, 1);
    assert.match(problemsOf(moved).join(), /differs from the file .*; nothing of the collection was changed/u);
    const after = content(here.dataDir).filter((row) => "role" in row && "gun" in row && row.gun === gun);
    assert.deepEqual(
      after,
      before.filter((row) => "role" in row),
    );
  });

  it("keeps the changefeed's positions or brings none", async (t) => {
    const here = await published(t, other);
    const old = await oldServer(t, gun);
    const { code, report } = await moveIn(old, here.dataDir);
    assert.equal(code, 1);
    assert.match(report.changes.problems[0]?.message ?? "", /Cannot restore change 1/u);
  });
});

describe("moving in the signer's keys", () => {
  it("shows which passphrase is missing, and which is wrong", async (t) => {
    const old = await oldServer(t, gun);
    const missing = await moveIn(old, newPath(t), {});
    assert.equal(missing.code, 1);
    assert.match(missing.report.keys?.problems[0]?.message ?? "", /^NOTARY_SIGNER_OLD is not set: 2 keys in use/u);
    const wrong = await moveIn(old, newPath(t), { NOTARY_SIGNER_OLD: "not the one" });
    assert.equal(wrong.code, 1);
    assert.deepEqual(
      wrong.report.keys?.problems.map(({ code, message }) => [code, message]),
      [
        [
          "PASSPHRASE_WRONG",
          "NOTARY_SIGNER_OLD is wrong: 2 keys sealed under it do not open, the server will not start with it",
        ],
      ],
    );
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /not the one/u);
  });

  it("distinguishes a damaged key from a wrong passphrase: others open with it", async (t) => {
    const old = await oldServer(t, gun);
    old.inSigner(
      "update private_keys set private = substr(private, 1, length(private) - 4) || 'AAAA' where role = 'snapshot'",
    );
    const { code, report } = await moveIn(old, newPath(t));
    assert.equal(code, 1);
    assert.match(
      report.keys?.problems.map(({ message }) => message).join() ?? "",
      /^1 key sealed under NOTARY_SIGNER_OLD, which opens others, is damaged: [0-9a-f]{64}$/u,
    );
  });

  it("leaves out unused keys that cannot be opened: the server would not start with them", async (t) => {
    const old = await oldServer(t, gun);
    const { keyId, bytes } = PrivateKey.generate("ecdsa").publicKey;
    old.inSigner(
      `insert into private_keys (key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, public, private, gun, role)
        values (?, '', '', 'ecdsa', 'forgotten', ?, 'sealed', ?, 'timestamp')`,
      keyId,
      bytes,
      gun,
    );
    const data = newPath(t);
    const { code, report } = await moveIn(old, data);
    assert.equal(code, 0);
    assert.deepEqual(
      report.keys?.aliases.find(({ alias }) => alias === "forgotten"),
      {
        alias: "forgotten",
        keys: 0,
        leftOut: 1,
      },
    );
    const byAlias = new Map([["old", oldPassphrase.NOTARY_SIGNER_OLD]]);
    await serve(t, { dataDir: data, signerPassphrases: { byAlias, defaultAlias: "old" } });
  });

  it("finds out what keys of the first signers were for", async (t) => {
    const old = await oldServer(t, gun, other);
    old.inSigner("alter table private_keys drop column gun");
    old.inSigner("alter table private_keys drop column role");
    const data = newPath(t);
    assert.equal((await moveIn(old, data)).code, 0);
    const database = new DatabaseSync(join(data, "signer.db"), { readOnly: true });
    const rows = database.prepare("SELECT gun, role FROM private_keys ORDER BY gun, role").all();
    assert.deepEqual(
      rows.map((row) => [row["gun"], row["role"]]),
      [gun, other].flatMap((name) => [
        [name, "snapshot"],
        [name, "timestamp"],
      ]),
    );
  });

  it("misses a key that a root names", async (t) => {
    const old = await oldServer(t, gun);
    old.inSigner("delete from private_keys where role = 'timestamp'");
    const { code, report } = await moveIn(old, newPath(t));
    assert.equal(code, 1);
    assert.match(report.keys?.problems[0]?.message ?? "", /^the timestamp key [0-9a-f]{64} of .* was not found/u);
  });

  it("does not give a key to a client because it names it", async (t) => {
    const old = await oldServer(t, gun, other);
    // as if a publisher had published a root that names the other's key
    old.inSigner("update private_keys set gun = ? where gun = ? and role = 'timestamp'", "registry.example.com/x", gun);
    const { code, report } = await moveIn(old, newPath(t));
    assert.equal(code, 1);
    assert.equal(report.keys?.keys, 4);
    assert.match(report.keys?.problems[0]?.message ?? "", new RegExp(`of ${gun} was not found`, "u"));
  });

  it("refuses a row whose ID is not that of its key", async (t) => {
    const old = await oldServer(t, gun);
    old.inSigner("update private_keys set key_id = ? where role = 'snapshot'", "ab".repeat(32));
    const { code, report } = await moveIn(old, newPath(t));
    assert.equal(code, 1);
    assert.match(report.keys?.problems[0]?.message ?? "", /^key (ab){32} was not imported: its ID is not that of/u);
  });
});

describe("tagseal import notary-db", () => {
  it("prints a summary, and problems on standard error", async (t) => {
    const old = await oldServer(t, gun);
    const argv = ["import", "notary-db", "--from", old.server, "--signer-from", old.signer, "--data", newPath(t)];
    const good = await tagseal(argv, oldPassphrase);
    assert.deepEqual(good.stdout.replaceAll(/ +/gu, " ").split("\n"), [
      "Repositories 1 with 10 files, 10 of them new here",
      "Keys 2, 2 of them in use; sealed under old",
      "Changes 3",
      "",
    ]);
    assert.equal(good.stderr, "");
    const bad = await tagseal(argv, { NOTARY_SIGNER_OLD: "not the one" });
    assert.equal(bad.code, 1);
    assert.match(
      bad.stderr,
      /^problem: NOTARY_SIGNER_OLD is wrong: .* \[PASSPHRASE_WRONG\]\n1 problem; everything else was moved/u,
    );
  });

  it("refuses what is not a database of notary-server", async (t) => {
    const old = await oldServer(t, gun);
    const swapped = await tagseal(["import", "notary-db", "--from", old.signer, "--data", newPath(t)]);
    assert.equal(swapped.code, 1);
    assert.match(
      swapped.stderr,
      /is not a database of notary-server: it has no table tuf_files[\s\S]*\[STORAGE_FAILED\]/u,
    );
    const absent = await tagseal(["import", "notary-db", "--from", "/nowhere/notary.db", "--data", newPath(t)]);
    assert.match(absent.stderr, /Cannot open \/nowhere\/notary\.db/u);
  });

  it("wants to know where from and where to", async () => {
    const without = await tagseal(["import", "notary-db"]);
    assert.deepEqual([without.code, without.stderr.split("\n")[0]], [1, "--from is required"]);
    const nowhere = await tagseal(["import", "notary-db", "--from", "x.db"]);
    assert.match(nowhere.stderr, /--data or --database is required/u);
  });
});

/** Starts an import and kills it once it has written something. */
async function importKilled(old: NotaryFiles, data: string): Promise<void> {
  const args = ["import", "notary-db", "--from", old.server, "--signer-from", old.signer, "--data", data];
  const { promise, resolve } = Promise.withResolvers<Ended["code"]>();
  const child = spawn(tagsealCommand, args, { stdio: "ignore", env: { ...process.env, ...oldPassphrase } });
  child.on("exit", (code) => resolve(code ?? 0));
  const watch = setInterval(() => {
    if (rowsIn(data) > 0) child.kill("SIGKILL");
  }, 1);
  await promise;
  clearInterval(watch);
}

function rowsIn(data: string): number {
  const path = join(data, "metadata.db");
  if (!existsSync(path)) return 0;
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    const row = database.prepare("SELECT count(*) AS count FROM tuf_files").get();
    database.close();
    return Number(row?.["count"]);
  } catch {
    return 0; // its tables are being made
  }
}
