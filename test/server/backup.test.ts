/** `tagseal server backup`: taken from a running server in the middle of publications, and what is left when it cannot be taken. */

import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { backUp } from "../../src/server/storage/copy-databases.ts";
import { openLocalSigningService } from "../../src/server/signer/local-signing-service.ts";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { parseProposal } from "../../src/tuf/notary-v1/proposal-json.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import { proposalSignedBy, proposeTag, sharedRole, shareReleases } from "./proposed-tag.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { readCollection, readTags, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";

async function tagseal(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { io, stdout, stderr } = captured({ env: {}, now: () => new Date() });
  const code = await main(argv, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

const databases = ["metadata.db", "signer.db"];

/** Root may look at everything. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** A data directory as a server leaves it, with `megabytes` of unreadable metadata. */
async function largeDataDirectory(t: TestContext, megabytes: number): Promise<string> {
  const server = await serve(t);
  await server.close();
  const store = new SqliteMetadataStore({ path: join(server.dataDir, "metadata.db") });
  for (let count = 0; count < megabytes; count += 1) await publishRubbish(store, `large/app-${count}`, 1_000_000);
  await store.close();
  return server.dataDir;
}

async function publishRubbish(store: SqliteMetadataStore, name: string, length: number): Promise<void> {
  const file = { role: "targets", version: 1, sha256: "a".repeat(64), bytes: Buffer.alloc(length, 1) };
  await store.publish({ gun: name, base: undefined, files: [file], at: new Date() });
}

describe("a backup of a signer", () => {
  it("I7: opens every key that had signed", async (t) => {
    const dataDir = temporaryDirectory(t);
    const passphrases = { byAlias: new Map([["default", "a passphrase of the signer"]]), defaultAlias: "default" };
    const open = async (directory: string) => {
      const table = new SqliteKeyTable(join(directory, "signer.db"));
      return await openLocalSigningService({ table, passphrases: { given: passphrases }, now: () => new Date() });
    };
    const signer = await open(dataDir);
    t.after(() => signer.close());
    const { keyId } = await signer.pendingKey(gun, "timestamp");
    await (await signer.find(gun, "timestamp", keyId))?.sign(Buffer.from("{}"));
    const to = join(temporaryDirectory(t), "backup");
    const { code, stdout } = await tagseal("signer", "backup", "--data", dataDir, "--to", to);
    assert.equal(code, 0);
    assert.match(stdout, /signer\.db \(\S+ kB\)\nThe passphrases of the keys are not in it/u);
    assert.deepEqual(readdirSync(to), ["signer.db"]);
    const restored = await open(to);
    t.after(() => restored.close());
    assert.equal((await restored.find(gun, "timestamp", keyId))?.publicKey.keyId, keyId);
  });

  it("is not taken of keys in a database, nor where there are none", async (t) => {
    const to = join(temporaryDirectory(t), "backup");
    const shared = await tagseal("signer", "backup", "--database", "postgres://localhost/keys", "--to", to);
    assert.match(shared.stderr, /^the signer keeps its keys in a shared database[\s\S]*pg_dump/u);
    const empty = await tagseal("signer", "backup", "--data", temporaryDirectory(t), "--to", to);
    assert.match(empty.stderr, /there is no \S*signer\.db[\s\S]*\[FILE_UNREADABLE\]/u);
    assert.deepEqual([shared.code, empty.code, existsSync(to)], [1, 1, false]);
  });
});

describe("a backup", () => {
  it("holds the proposals, which are completed on the restored server", async (t) => {
    const server = await serve(t);
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    const [, ...others] = await shareReleases(publisher);
    const { id, body } = await proposeTag(publisher, "proposed", { held: publisher.held.without(...others) });
    const path = `/v2/${gun}/_trust/proposals/`;
    assert.equal((await fetch(server.url + path, { method: "POST", body })).status, 200);
    const restored = join(temporaryDirectory(t), "restored");
    assert.equal((await tagseal("server", "backup", "--data", server.dataDir, "--to", restored)).code, 0);
    cpSync(join(server.dataDir, "signer.passphrase"), join(restored, "signer.passphrase"));
    const again = await serve(t, { dataDir: restored });
    const kept = await (await fetch(again.url + path + id)).text();
    const second = await proposalSignedBy(parseProposal(Buffer.from(kept)), publisher.held, others);
    const completed = await fetch(again.url + path, { method: "POST", body: second });
    assert.deepEqual(await completed.json(), { id, state: "published" });
    const { delegations } = await readCollection(again.url, gun);
    assert.equal(delegations.get(sharedRole)?.body.targets.has("proposed"), true);
  });

  it("I7: holds all that was acknowledged before it, and a server starts on it and continues signing", async (t) => {
    const server = await serve(t);
    const directory = temporaryDirectory(t);
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    const acknowledged = ["v1"];
    const enough = new AbortController();
    const publishing = (async () => {
      while (!enough.signal.aborted) {
        const tag = `n${acknowledged.length}`;
        assert.equal((await publisher.addTag(tag)).status, 200);
        acknowledged.push(tag);
      }
    })();
    while (acknowledged.length < 5) await new Promise((resolve) => setImmediate(resolve));
    const before = [...acknowledged];
    const to = join(directory, "backup");
    const { code, stdout, stderr } = await tagseal("server", "backup", "--data", server.dataDir, "--to", to, "--json");
    enough.abort();
    await publishing;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const sizes = ["metadata.db", "signer.db"].map((name) => ({ name, bytes: statSync(join(to, name)).size }));
    assert.deepEqual(JSON.parse(stdout), { directory: to, files: sizes, keysElsewhere: false });
    assert.deepEqual(readdirSync(directory), ["backup"]);
    assert.deepEqual(readdirSync(to).sort(), ["metadata.db", "signer.db"]);
    assert.deepEqual(
      [modeOf(to), modeOf(join(to, "metadata.db")), modeOf(join(to, "signer.db"))],
      [0o700, 0o600, 0o600],
    );

    const restored = join(directory, "restored");
    cpSync(to, restored, { recursive: true });
    cpSync(join(server.dataDir, "signer.passphrase"), join(restored, "signer.passphrase"));
    const again = await serve(t, { dataDir: restored });
    const tags = new Set(await readTags(again.url, gun));
    assert.deepEqual(
      before.filter((tag) => !tags.has(tag)),
      [],
    );
    assert.equal((await (await publisher.resumedAt(again.url)).addTag("afterwards")).status, 200);
    assert.ok((await readTags(again.url, gun)).includes("afterwards"));
  });

  it("shows one moment, and comes to its end, however often others write meanwhile", async (t) => {
    const dataDir = await largeDataDirectory(t, 12);
    const to = join(temporaryDirectory(t), "backup");
    const store = new SqliteMetadataStore({ path: join(dataDir, "metadata.db") });
    const done = new AbortController();
    let written = 0;
    const writing = (async () => {
      for (; !done.signal.aborted; written += 1) {
        await publishRubbish(store, `small/app-${written}`, 10);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await backUp({ dataDir, to, databases }).finally(() => done.abort());
    await writing;
    const copy = new SqliteMetadataStore({ path: join(to, "metadata.db") });
    t.after(async () => await Promise.all([store.close(), copy.close()]));
    const copied = await copy.guns("", 1_000_000);
    assert.equal(copied.filter((name) => name.startsWith("large/")).length, 12);
    assert.ok(copied.length - 12 < written, `${copied.length - 12} of ${written}`);
  });

  it("says what it copied, and that the passphrase is not in it", async (t) => {
    const { dataDir } = await serve(t);
    const to = join(temporaryDirectory(t), "backup");
    mkdirSync(to);
    const { code, stdout } = await tagseal("server", "backup", "--data", dataDir, "--to", to);
    assert.equal(code, 0);
    const [first = "", second] = stdout.split("\n");
    assert.match(first, /\/backup: metadata\.db \(\S+ kB\) and signer\.db \(\S+ kB\)$/u);
    assert.equal(second, "The passphrase of the keys is not in it: keep a copy in another place.");
    assert.equal(modeOf(to), 0o700);
    assert.ok(!existsSync(join(to, "signer.passphrase")));
  });

  it("is not mixed with what is there already", async (t) => {
    const { dataDir } = await serve(t);
    const to = temporaryDirectory(t);
    writeFileSync(join(to, "metadata.db"), "of yesterday");
    const { code, stderr } = await tagseal("server", "backup", "--data", dataDir, "--to", to);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /is there already and is not an empty directory\nhint: .*a new directory.*\[FILE_UNWRITABLE\]/u,
    );
    assert.deepEqual(readdirSync(to), ["metadata.db"]);
  });

  it("leaves nothing behind when it is interrupted", async (t) => {
    const dataDir = await largeDataDirectory(t, 12);
    const directory = temporaryDirectory(t);
    const interruption = new AbortController();
    const { signal } = interruption;
    const backup = backUp({ dataDir, to: join(directory, "backup"), databases, signal });
    const refused = assert.rejects(backup, { name: "AbortError" });
    while (readdirSync(directory).length === 0) await new Promise((resolve) => setImmediate(resolve));
    interruption.abort();
    await refused;
    assert.deepEqual(readdirSync(directory), []);
  });

  it("hears of an interruption in the middle of a database", async (t) => {
    const dataDir = await largeDataDirectory(t, 12);
    const directory = temporaryDirectory(t);
    const interruption = new AbortController();
    const { signal } = interruption;
    let looks = 0;
    t.mock.method(signal, "throwIfAborted", () => {
      // the first look comes before there is anything to copy
      if (looks > 0) interruption.abort();
      looks += 1;
      if (signal.aborted) throw signal.reason;
    });
    const backup = backUp({ dataDir, to: join(directory, "backup"), databases: ["metadata.db"], signal });
    await assert.rejects(backup, { name: "AbortError" });
    assert.equal(looks, 2);
    assert.deepEqual(readdirSync(directory), []);
  });

  it("leaves nothing behind when a database cannot be read", async (t) => {
    const server = await serve(t);
    await server.close();
    writeFileSync(join(server.dataDir, "signer.db"), "not a database, but long enough to look at".repeat(100));
    const directory = temporaryDirectory(t);
    const to = join(directory, "backup");
    await assert.rejects(backUp({ dataDir: server.dataDir, to, databases }), { code: "STORAGE_FAILED" });
    assert.deepEqual(readdirSync(directory), []);
    rmSync(join(server.dataDir, "signer.db"));
    await assert.rejects(backUp({ dataDir: server.dataDir, to, databases }), {
      code: "FILE_UNREADABLE",
    });
    await assert.rejects(backUp({ dataDir: server.dataDir, to: "/dev/null/backup", databases: ["metadata.db"] }), {
      code: "FILE_UNWRITABLE",
    });
    assert.deepEqual(readdirSync(directory), []);
  });

  it("distinguishes what may not be read from what does not exist", async (t) => {
    const server = await serve(t);
    await server.close();
    const { dataDir } = server;
    const to = temporaryDirectory(t);
    const refused = async (path: string, code: string): Promise<void> => {
      chmodSync(path, 0);
      const backup = asNobody(() => backUp({ dataDir, to, databases }));
      await assert.rejects(backup, { code, message: /permission denied/u }).finally(() => chmodSync(path, 0o755));
    };
    chmodSync(dataDir, 0o755);
    await refused(to, "FILE_UNWRITABLE");
    await refused(dataDir, "FILE_UNREADABLE");
  });

  it("of a shared database is that database's affair", async () => {
    const database = "postgres://tagseal@db/tagseal";
    const { code, stderr } = await tagseal("server", "backup", "--database", database, "--to", "/nowhere/backup");
    assert.equal(code, 1);
    assert.match(stderr, /shared database.*\nhint: .*pg_dump.*\[USAGE\]/u);
  });

  it("of metadata whose keys are in a shared database says that the keys are not in it", async (t) => {
    const { dataDir } = await serve(t);
    const directory = temporaryDirectory(t);
    const config = join(directory, "server.json");
    writeFileSync(config, JSON.stringify({ trust_service: { db_url: "postgres://tagseal@db/keys" } }));
    const to = join(directory, "backup");
    const { stdout, stderr } = await tagseal("server", "backup", "--config", config, "--data", dataDir, "--to", to);
    assert.match(stdout, /metadata\.db \(\S+ kB\)\nThe keys, which are in a separate database, are not/u, stderr);
    assert.deepEqual(readdirSync(to), ["metadata.db"]);
  });

  it("of a server whose keys a signer keeps says that the keys are not in it", async (t) => {
    const { dataDir } = await serve(t);
    const directory = temporaryDirectory(t);
    const config = join(directory, "server.json");
    const certificate = { tls_client_cert: "server.crt", tls_client_key: "server.key" };
    writeFileSync(config, JSON.stringify({ trust_service: { type: "remote", hostname: "signer", ...certificate } }));
    const to = join(directory, "backup");
    const { stdout, stderr } = await tagseal("server", "backup", "--config", config, "--data", dataDir, "--to", to);
    assert.match(stdout, /signer\.db \(\S+ kB\)\nThe keys, which the signer has, are not in it: /u, stderr);
    assert.deepEqual(readdirSync(to).sort(), ["metadata.db", "signer.db"]);
  });
});
