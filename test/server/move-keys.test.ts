/** `tagseal signer import`: a server's keys move to a signer in a separate process and back, unnoticed by readers and publishers. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import { startPostgres } from "../support/database.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { certificates, missingPeers, Scope, startTagsealSigner, type Certificates } from "../support/peers.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { httpSource, serverKey, UploadingPublisher } from "./uploading-publisher.ts";

const [first, second, promised] = ["example.com/first", "example.com/second", "example.com/promised"] as const;
const dayMs = 86_400_000;

async function importKeys(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { io, stdout, stderr } = captured({ env, now: () => new Date() });
  const code = await main(["signer", "import", ...argv], io);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** All that is sealed in a table. */
async function seals(directory: string): Promise<readonly string[]> {
  const table = new SqliteKeyTable(join(directory, "signer.db"));
  const [keys, secret] = [await table.keys("", 100), await table.derivationSecret()];
  await table.close();
  return [...keys.map(({ sealed }) => sealed), ...(secret === undefined ? [] : [secret.sealed])];
}

function filesHold(directory: string, text: string): boolean {
  return readdirSync(directory).some((name) => readFileSync(join(directory, name)).includes(text));
}

describe("moving a server's keys", { skip: needsOpenssl }, () => {
  const scope = new Scope("move-keys");
  let trusted: Certificates;
  before(async () => (trusted = await certificates(scope)));
  after(() => scope.close());

  it("to a signer and back: warm readers, publishers and promised keys continue, and nothing stays behind", async (t) => {
    const clock = { ms: Date.now() };
    const now = (): Date => new Date(clock.ms);
    const warm = new MemoryMetadataCache();
    const read = async (url: string): Promise<number> => {
      const update = { gun: first, source: httpSource(url, first), cache: warm, now: now() };
      return (await updateCollection(update)).targets.body.targets.size;
    };
    let server = await serve(t, { now, upkeep: false });
    const { dataDir } = server;
    const signerData = join(temporaryDirectory(t), "signer");
    let publisher = await new UploadingPublisher(server.url, first, now).begin();
    assert.equal(await read(server.url), 1);
    const key = await serverKey(server.url, promised, "timestamp");

    const dry = await importKeys(["--from", dataDir, "--data", signerData, "--dry-run"]);
    assert.deepEqual([dry.code, existsSync(signerData)], [0, false]);
    assert.match(dry.stdout, /^Would copy 2 keys; 0 were here already\.\nWould copy the secret/u);
    const copied = await importKeys(["--from", dataDir, "--data", signerData]);
    assert.equal(copied.code, 0, copied.stderr);
    assert.match(copied.stdout, /^Copied 2 keys; 0 were here already\.\n/u);
    await new UploadingPublisher(server.url, second, now).begin();
    await server.close();

    const sealed = await seals(dataDir);
    const moved = await importKeys(["--from", dataDir, "--data", signerData, "--move"]);
    assert.match(
      moved.stdout,
      /^Copied 2 keys; 2 were here already\.\n.* already\.\nRemoved 4 keys from where they were\.\n$/u,
    );
    assert.equal(sealed.length, 5);
    for (const text of sealed) assert.equal(filesHold(dataDir, text.split(".")[1] ?? text), false);
    await assert.rejects(serve(t, { dataDir, now, upkeep: false }), {
      code: "SERVER_CONFIGURATION",
      message: /no signer keys/u,
    });

    const signer = await startTagsealSigner(scope, { data: signerData });
    const tls = { caFile: trusted.ca, certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
    const remoteSigner = { host: "localhost", port: signer.port, ...tls };
    server = await serve(t, { dataDir, remoteSigner, now, upkeep: false });
    publisher = await publisher.resumedAt(server.url);
    assert.equal((await publisher.addTag("v2")).status, 200);
    clock.ms += 2 * dayMs;
    assert.equal(await read(server.url), 2, "the timestamp is signed again");
    assert.deepEqual(await serverKey(server.url, promised, "timestamp"), key);
    await new UploadingPublisher(server.url, promised, now).begin();
    await server.close();
    await signer.process.stop();

    const back = await importKeys(["--from", signerData, "--data", dataDir, "--move"]);
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /^Copied 6 keys; 0 were here already\./u);
    assert.deepEqual(await seals(signerData), []);
    server = await serve(t, { dataDir, now, upkeep: false });
    publisher = await publisher.resumedAt(server.url);
    assert.equal((await publisher.addTag("v3")).status, 200);
    clock.ms += 2 * dayMs;
    assert.equal(await read(server.url), 3);
    const again = await importKeys(["--from", signerData, "--data", dataDir, "--move", "--json"]);
    const { copied: count, secret } = JSON.parse(again.stdout) as { copied: number; secret: string };
    assert.deepEqual([again.code, count, secret], [0, 0, "none"]);
  });

  it("seals them under the passphrase of where they go, which may have the same name", async (t) => {
    const server = await serve(t, { signerPassphrase: "the server's passphrase", upkeep: false });
    await new UploadingPublisher(server.url, first).begin();
    const to = join(temporaryDirectory(t), "signer");
    const ends = ["--from", server.dataDir, "--data", to];
    const wrong = await importKeys(ends, {
      TAGSEAL_SIGNER_FROM_PASSPHRASE: "not that one",
      TAGSEAL_SIGNER_PASSPHRASE: "the signer's own",
    });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /\[PASSPHRASE_WRONG\]/u);
    const env = {
      TAGSEAL_SIGNER_FROM_PASSPHRASE: "the server's passphrase",
      TAGSEAL_SIGNER_PASSPHRASE: "the signer's own",
    };
    const right = await importKeys(ends, env);
    assert.equal(right.code, 0, right.stderr);
    assert.equal(existsSync(join(to, "signer.passphrase")), false);
    const { io, stdout } = captured({ env: { TAGSEAL_SIGNER_PASSPHRASE: "the signer's own" }, now: () => new Date() });
    assert.equal(await main(["signer", "rekey", "--data", to, "--dry-run"], io), 0);
    assert.match(stdout(), /^2 were there already\.$/mu);
    assert.doesNotMatch(right.stdout + right.stderr + wrong.stderr, /own|passphrase of|not that/u);
  });

  it("does not take keys away from a running server", async (t) => {
    const server = await serve(t, { upkeep: false });
    const publisher = await new UploadingPublisher(server.url, first).begin();
    const to = join(temporaryDirectory(t), "signer");
    const ends = ["--from", server.dataDir, "--data", to];
    const refused = await importKeys([...ends, "--move"]);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /Another process works with the keys in .*signer\.db\nhint: Stop the server .*\[STORAGE_CONFLICT\]/u,
    );
    assert.equal((await seals(server.dataDir)).length, 3);
    assert.equal((await publisher.addTag("v2")).status, 200);
    assert.match((await importKeys(ends)).stdout, /^Copied 2 keys; 0 were here already/u);
  });

  it("leaves a key that does not open where it is, names it, and moves the others", async (t) => {
    const server = await serve(t, { upkeep: false });
    await new UploadingPublisher(server.url, first).begin();
    await server.close();
    const table = new SqliteKeyTable(join(server.dataDir, "signer.db"));
    const [damaged] = await table.keys("", 1);
    assert.ok(damaged);
    await table.resealKey(damaged.keyId, damaged, {
      sealed: `${damaged.sealed.slice(0, -4)}AAAA`,
      alias: damaged.alias,
    });
    await table.close();
    const to = join(temporaryDirectory(t), "signer");
    const { code, stdout, stderr } = await importKeys(["--from", server.dataDir, "--data", to, "--move"]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Key ${damaged.keyId} under "default" was not moved: `, "u"));
    assert.match(stdout, /Removed 1 key from/u);
    assert.equal((await seals(server.dataDir)).length, 2, "the key, and the secret, which goes last");
  });

  it("refuses to move keys to where they are, or from nowhere", async (t) => {
    const directory = temporaryDirectory(t);
    const same = await importKeys(["--from", directory, "--data", `${directory}/.`]);
    assert.match(same.stderr, /the keys would go to where they are/u);
    assert.match((await importKeys(["--data", directory])).stderr, /one of --from and --from-database is required/u);
    const none = await importKeys(["--from", directory, "--data", join(directory, "to")]);
    assert.match(none.stderr, /there is no .*signer\.db/u);
    assert.deepEqual([same.code, none.code, readdirSync(directory)], [1, 1, []]);
  });
});

describe("moving a server's keys to a database", { skip: missingPeers(["postgres"]) }, () => {
  it("and back", async (t) => {
    const scope = new Scope("move-keys-database");
    t.after(() => scope.close());
    const postgres = await startPostgres(scope);
    await postgres.create("signer", "select 1");
    const database = postgres.url("signer");
    const server = await serve(t, { upkeep: false });
    const publisher = await new UploadingPublisher(server.url, first).begin();
    await server.close();
    const env = { TAGSEAL_SIGNER_PASSPHRASE: "a passphrase of the database" };
    const moved = await importKeys(["--from", server.dataDir, "--database", database, "--move"], env);
    assert.match(moved.stdout, /^Copied 2 keys;/u, moved.stderr);
    assert.equal(await postgres.sql("signer", "select count(*) from tagseal_keys"), "2");
    const back = await importKeys(["--from-database", database, "--data", server.dataDir, "--move"], {
      TAGSEAL_SIGNER_FROM_PASSPHRASE: env.TAGSEAL_SIGNER_PASSPHRASE,
    });
    assert.match(back.stdout, /Removed 2 keys/u, back.stderr);
    const rows = "select (select count(*) from tagseal_keys) + (select count(*) from tagseal_derivation_secret)";
    assert.equal(await postgres.sql("signer", rows), "0");
    const again = await serve(t, { dataDir: server.dataDir, upkeep: false });
    assert.equal((await (await publisher.resumedAt(again.url)).addTag("v2")).status, 200);
  });
});
