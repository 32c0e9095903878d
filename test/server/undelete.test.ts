/** `tagseal server undelete`: a repository deleted by mistake comes back beside the running server, and all clients still trust it. */

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import { type Database, startPostgres } from "../support/database.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { proposedTag } from "./proposed-tag.ts";
import { serve } from "./running-server.ts";
import { httpSource, readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "registry.example.com/team/app";
const dayMs = 86_400_000;

interface World {
  readonly url: string;
  readonly now: () => Date;
  readonly later: (days: number) => number;
  readonly publisher: UploadingPublisher;
  /** a reader that has seen everything so far */
  readonly warm: MemoryMetadataCache;
  readonly read: (cache: MemoryMetadataCache) => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
  readonly run: (...argv: readonly string[]) => Promise<{ code: number; stdout: string; stderr: string }>;
}

async function world(t: TestContext, options: Partial<ServerOptions> = {}): Promise<World> {
  const clock = { ms: Date.now() };
  const now = (): Date => new Date(clock.ms);
  const server = await serve(t, { now, upkeep: false, ...options });
  const publisher = await new UploadingPublisher(server.url, gun, now).begin();
  await publisher.addTag("v2");
  const warm = new MemoryMetadataCache();
  const read = async (cache: MemoryMetadataCache): Promise<readonly string[]> => {
    const { targets } = await updateCollection({ gun, source: httpSource(server.url, gun), cache, now: now() });
    return [...targets.body.targets.keys()].toSorted();
  };
  await read(warm);
  return {
    url: server.url,
    now,
    later: (days) => (clock.ms += days * dayMs),
    publisher,
    warm,
    read,
    async remove() {
      assert.equal((await fetch(tufUrl(server.url, gun), { method: "DELETE" })).status, 200);
      assert.equal((await fetch(`${tufUrl(server.url, gun)}timestamp.json`)).status, 404);
    },
    async run(...argv) {
      const { database } = options;
      const place = database === undefined ? ["--data", server.dataDir] : ["--database", database];
      const { io, stdout, stderr } = captured({ env: {}, now });
      const code = await main(["server", ...argv, ...place], io);
      return { code, stdout: stdout(), stderr: stderr() };
    },
  };
}

describe("a repository that was deleted by mistake", () => {
  it("comes back beside the running server: warm and new readers and the publisher continue", async (t) => {
    const { url, now, publisher, warm, read, remove, run } = await world(t);
    await remove();
    const listed = await run("list", "--deleted");
    assert.match(listed.stdout, /^registry\.example\.com\/team\/app +7 +[\d.]+ kB +\d{4}-\S+Z$/mu);
    assert.equal((await run("list")).stdout, "");
    const dry = await run("undelete", `${gun}:v2`, "--dry-run");
    assert.match(dry.stdout, /^Would bring back registry\.example\.com\/team\/app, deleted at \S+Z: 7 files, /u);
    const { code, stdout, stderr } = await run("undelete", `${gun}:v2`);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^Brought back /u);
    assert.deepEqual(await read(warm), ["v1", "v2"]);
    assert.deepEqual(await readTags(url, gun, now()), ["v1", "v2"]);
    assert.equal((await publisher.addTag("v3")).status, 200);
    assert.deepEqual(await read(warm), ["v1", "v2", "v3"]);
    assert.equal((await run("list", "--deleted", "--json")).stdout, '{\n  "repositories": []\n}\n');
  });

  it("has no proposals any more: they ended with its deletion", async (t) => {
    const { url, publisher, remove, run } = await world(t);
    const proposals = `${url}/v2/${gun}/_trust/proposals/`;
    const { id, body } = await proposedTag(publisher, "proposed");
    assert.equal((await fetch(proposals, { method: "POST", body })).status, 200);
    assert.equal((await fetch(proposals + id)).status, 200);
    await remove();
    assert.equal((await run("undelete", gun)).code, 0);
    assert.deepEqual(await (await fetch(proposals)).json(), { proposals: [] });
    // What was proposed fits the repository as it is again, so a copy of it can be sent.
    assert.equal((await fetch(proposals, { method: "POST", body })).status, 200);
  });

  it("is in the changefeed again, after its deletion", async (t) => {
    const { url, remove, run } = await world(t);
    await remove();
    await run("undelete", gun);
    const response = await fetch(`${url}/v2/${gun}/_trust/changefeed?records=10&change_id=0`);
    const { records } = (await response.json()) as { records: { Category: string; Version: number }[] };
    assert.deepEqual(
      records.map(({ Category, Version }) => [Category, Version]),
      [
        ["update", 1],
        ["update", 2],
        ["deletion", 0],
        ["update", 2],
      ],
    );
  });

  it("comes back after its timestamp has expired, which the server signs again for the first reader", async (t) => {
    const { later, warm, read, remove, run } = await world(t);
    await remove();
    later(20);
    const { code, stderr } = await run("undelete", gun);
    assert.equal(code, 0);
    assert.match(stderr, /^warning: .*the server signs it again when it runs \[METADATA_EXPIRED\]$/mu);
    assert.deepEqual(await read(warm), ["v1", "v2"]);
  });

  it("I3: does not take the place of one that was published under its name since", async (t) => {
    const { url, now, later, warm, read, remove, run } = await world(t);
    await remove();
    const successor = await new UploadingPublisher(url, gun, now).begin();
    const refused = await run("undelete", gun);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /there is a repository of that name\nhint: .*--deleted-at\. \[STORAGE_CONFLICT\]\n$/u);
    assert.equal((await successor.addTag("new")).status, 200);
    later(1);
    await remove();
    const { stdout } = await run("list", "--deleted", "--json");
    const { repositories } = JSON.parse(stdout) as { repositories: { deletedAt: string }[] };
    assert.equal(repositories.length, 2);
    const back = await run("undelete", gun, "--deleted-at", repositories[0]?.deletedAt ?? "");
    assert.equal(back.code, 0);
    assert.match(
      back.stderr,
      /^warning: .*another repository of that name was deleted at \S+Z: readers that trust it refuse/mu,
    );
    assert.deepEqual(await read(warm), ["v1", "v2"]);
  });

  it("is forgotten for good after retention.days, not before", async (t) => {
    const { later, remove, run } = await world(t);
    await remove();
    later(29);
    assert.match((await run("gc")).stdout, /^0 repositories, 0 superseded versions forgotten/u);
    later(2);
    assert.match((await run("gc", "--dry-run")).stdout, / and 1 deleted repository would be forgotten/u);
    const gone = await run("gc", "--json");
    assert.equal((JSON.parse(gone.stdout) as { forgottenDeletions: number }).forgottenDeletions, 1);
    const { code, stderr } = await run("undelete", gun);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /no deletion of registry\.example\.com\/team\/app is kept\nhint: .*list --deleted \[REPOSITORY_NOT_SIGNED\]/u,
    );
  });

  it("is counted for as long as it can come back", async (t) => {
    const { url } = await world(t);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^tagseal_server_deletions_kept 0$/mu);
    assert.match(metrics, /^tagseal_server_pruned_deletions_total 0$/mu);
  });

  it("has an unambiguous time", async (t) => {
    const { run } = await world(t);
    const { code, stderr } = await run("undelete", gun, "--deleted-at", "yesterday");
    assert.equal(code, 1);
    assert.match(stderr, /--deleted-at: expected a time such as/u);
  });
});

describe("a deleted repository of servers that share a database", { skip: missingPeers(["postgres"]) }, () => {
  const scope = new Scope("undelete");
  const signerPassphrase = "a passphrase of the signer";
  let postgres: Database;
  before(async () => (postgres = await startPostgres(scope)));
  after(() => scope.close());

  it("comes back at every replica at once", async (t) => {
    await postgres.create("trust", "select 1");
    const database = postgres.url("trust");
    const one = await world(t, { database, signerPassphrase });
    const other = await serve(t, { database, signerPassphrase, now: one.now, upkeep: false });
    assert.deepEqual(await readTags(other.url, gun, one.now()), ["v1", "v2"]);
    await one.remove();
    assert.equal((await fetch(`${tufUrl(other.url, gun)}timestamp.json`)).status, 404);
    assert.equal((await one.run("undelete", gun)).code, 0);
    for (const url of [one.url, other.url]) assert.deepEqual(await readTags(url, gun, one.now()), ["v1", "v2"]);
    assert.equal((await one.publisher.addTag("v3")).status, 200);
    assert.deepEqual(await readTags(other.url, gun, one.now()), ["v1", "v2", "v3"]);
    assert.equal((await one.run("check")).stdout, "");
    assert.match((await one.run("list")).stdout, /^registry\.example\.com\/team\/app +3 /mu);
  });

  it("is checked as the database says it: a row that names another timestamp than the newest is a problem", async (t) => {
    await postgres.create("damaged", "select 1");
    const { run } = await world(t, { database: postgres.url("damaged"), signerPassphrase });
    assert.equal((await run("check")).stdout, "");
    await postgres.sql("damaged", "update tagseal_collections set timestamp_sha256 = repeat('a', 64)");
    const { code, stdout } = await run("check");
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^\S+team\/app: the database names a{64} as the current timestamp, .* \[METADATA_HASH_MISMATCH\]\n$/u,
    );
  });
});
