/**
 * A database that servers share dies or hangs, while one of them is behind. What may be old is not given: a reader that has seen newer files
 * would take it for an attack. What cannot be old is, and every answer comes soon.
 */

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { startMariadb, startPostgres, type Database } from "../support/database.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import { serve, type TestServer } from "./running-server.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/behind";
const passphrase = "correct horse battery staple";
/** for one answer of a server whose database hangs and that does not know it yet; the machine may be busy */
const boundMs = 15_000;

/** What can go wrong, and how it is put right. */
const outages = [
  {
    name: "is killed",
    begin: (database: Database) => database.stop("SIGKILL"),
    end: (database: Database) => database.start(),
  },
  {
    name: "hangs",
    begin: async (database: Database) => database.hang(),
    end: async (database: Database) => database.goOn(),
  },
];

interface Behind {
  readonly behind: TestServer;
  /** a checksum of each: what the server that is behind has in memory, and what only the database has */
  readonly inMemory: string;
  readonly elsewhere: string;
  /** of the timestamp that the server that is behind knows */
  readonly etag: string;
}

/** Two servers of one database, of which one has read what was current before the last publication. */
async function twoServers(t: TestContext, options: Partial<ServerOptions>): Promise<Behind> {
  const shared = { signerPassphrase: passphrase, ...options };
  const [ahead, behind] = [await serve(t, shared), await serve(t, shared)];
  const owner = await new UploadingPublisher(ahead.url, gun).begin();
  assert.deepEqual(await readTags(behind.url, gun), ["v1"]);
  const etag = (await fetch(`${tufUrl(behind.url, gun)}timestamp.json`)).headers.get("etag") ?? "";
  const inMemory = await targetsChecksum(behind);
  assert.equal((await owner.addTag("v2")).status, 200);
  return { behind, inMemory, elsewhere: await targetsChecksum(ahead), etag };
}

async function targetsChecksum({ url }: TestServer): Promise<string> {
  const etag = (await fetch(`${tufUrl(url, gun)}targets.json`)).headers.get("etag");
  return /[0-9a-f]{64}/u.exec(etag ?? "")?.[0] ?? "";
}

/** Sends a request, and waits no longer than a client should have to. */
function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(boundMs) });
}

async function assertUnavailable(what: string, url: string, init: RequestInit = {}): Promise<void> {
  const response = await ask(url, init);
  assert.equal(response.status, 503, `${what}: ${await response.text()}`);
  assert.ok(Number(response.headers.get("retry-after")) > 0, what);
}

for (const [kind, peer, start] of [
  ["PostgreSQL", "postgres", startPostgres],
  ["MariaDB", "mariadb", startMariadb],
] as const) {
  describe(`while a ${kind} is away`, { skip: missingPeers([peer]) }, () => {
    const scope = new Scope("outage");
    let database: Database;
    before(async () => void (database = await start(scope)));
    after(() => scope.close());

    for (const [index, outage] of outages.entries())
      it(`I3: a server that is behind gives nothing that may be old when it ${outage.name}`, async (t) => {
        const name = `behind${index}`;
        await database.create(name, "select 1");
        const options = { database: database.url(name) };
        const { behind, inMemory, elsewhere, etag } = await twoServers(t, options);
        const files = tufUrl(behind.url, gun);
        await outage.begin(database);
        try {
          await assertUnavailable("a current file", `${files}timestamp.json`);
          const startedAt = performance.now();
          for (const role of ["timestamp", "snapshot", "targets", "root"])
            await assertUnavailable(role, `${files}${role}.json`);
          await assertUnavailable("a role that no file was known of", `${files}targets/other.json`);
          const conditional = { headers: { "If-None-Match": etag } };
          await assertUnavailable("that nothing has changed", `${files}timestamp.json`, conditional);
          await assertUnavailable("HEAD", `${files}timestamp.json`, { method: "HEAD" });
          for (const version of [1, 2, 9])
            await assertUnavailable(`version ${version} of the root`, `${files}${version}.root.json`);
          await assertUnavailable("no such collection", `${tufUrl(behind.url, "docker.io/library/none")}root.json`);
          const none = tufUrl(behind.url, "docker.io/library/none");
          await assertUnavailable("nor its file", `${none}targets.${"0".repeat(64)}.json`);
          await assertUnavailable("a checksum that is not in memory", `${files}targets.${elsewhere}.json`);
          await waitUntil("caches are told not to keep what may have been deleted", async () => {
            const known = await ask(`${files}targets.${inMemory}.json`);
            assert.equal(known.status, 200);
            return known.headers.get("cache-control") === "no-store";
          });
          assert.ok(performance.now() - startedAt < boundMs, "nobody waits once the outage is known");
          const body = new FormData();
          body.append("files", new Blob(["{}"]), "targets");
          await Promise.all([
            assertUnavailable("the changefeed", `${behind.url}/v2/_trust/changefeed?records=5`),
            assertUnavailable("one collection's", `${behind.url}/v2/${gun}/_trust/changefeed?records=5`),
            assertUnavailable("a key", `${files}timestamp.key`),
            assertUnavailable("rotation", `${files}snapshot.key`, { method: "POST" }),
            assertUnavailable("deletion", files, { method: "DELETE" }),
            assertUnavailable("a publication", files, { method: "POST", body }),
          ]);
        } finally {
          await outage.end(database);
        }
        await waitUntil(
          "it answers again, with what was published",
          async () => (await fetch(`${files}timestamp.json`)).status === 200,
        );
        assert.deepEqual(await readTags(behind.url, gun), ["v1", "v2"]);
      });

    it("a client that was given a timestamp can finish its update, whatever is published meanwhile; what was deleted is gone", async (t) => {
      await database.create("finishing", "select 1");
      const server = await serve(t, { database: database.url("finishing"), signerPassphrase: passphrase });
      const owner = await new UploadingPublisher(server.url, gun).begin();
      const deleted = await new UploadingPublisher(server.url, "docker.io/library/deleted").begin();
      const given = new Map<string, string>();
      for (const { gun: name } of [owner, deleted]) {
        const timestamp = await (await fetch(`${tufUrl(server.url, name)}timestamp.json`)).json();
        const { signed } = timestamp as { signed: { meta: { snapshot: { hashes: { sha256: string } } } } };
        given.set(name, Buffer.from(signed.meta.snapshot.hashes.sha256, "base64").toString("hex"));
      }
      assert.equal((await owner.addTag("v2")).status, 200);
      assert.equal((await fetch(tufUrl(server.url, deleted.gun), { method: "DELETE" })).status, 200);
      await database.stop("SIGKILL");
      try {
        const finished = await ask(`${tufUrl(server.url, gun)}snapshot.${given.get(gun)}.json`);
        assert.equal(finished.status, 200);
        const { signed } = (await finished.json()) as {
          signed: { meta: Record<string, { hashes: { sha256: string } }> };
        };
        for (const role of ["root", "targets"]) {
          const sha256 = Buffer.from(signed.meta[role]?.hashes.sha256 ?? "", "base64").toString("hex");
          assert.equal((await ask(`${tufUrl(server.url, gun)}${role}.${sha256}.json`)).status, 200, role);
        }
        const gone = await ask(`${tufUrl(server.url, deleted.gun)}snapshot.${given.get(deleted.gun)}.json`);
        assert.equal(gone.status, 503);
      } finally {
        await database.start();
      }
    });

    if (kind === "MariaDB")
      it("I3: a server does not believe a database that was made a standby under its connections", async (t) => {
        await database.create("demoted", "select 1");
        const { behind } = await twoServers(t, { database: database.url("demoted") });
        const files = tufUrl(behind.url, gun);
        assert.equal((await ask(`${files}timestamp.json`)).status, 200);
        await database.run("demoted", "set global read_only = 1");
        try {
          await assertUnavailable("a current file", `${files}timestamp.json`);
          await assertUnavailable("no such collection", `${tufUrl(behind.url, "docker.io/library/none")}root.json`);
        } finally {
          await database.run("demoted", "set global read_only = 0");
        }
        await waitUntil("it answers again", async () => (await ask(`${files}timestamp.json`)).status === 200);
        assert.deepEqual(await readTags(behind.url, gun), ["v1", "v2"]);
      });

    // The same whichever database it is.
    if (kind === "PostgreSQL")
      it("I4: an operator's storage.cache_max_age holds in an outage, too, and not a moment longer", async (t) => {
        await database.create("aged", "select 1");
        const options = { database: database.url("aged"), cacheMaxAgeMs: 3000 };
        const behind = await serve(t, { signerPassphrase: passphrase, ...options });
        await new UploadingPublisher(behind.url, gun).begin();
        const timestamp = `${tufUrl(behind.url, gun)}timestamp.json`;
        assert.equal((await ask(timestamp)).status, 200);
        database.hang();
        try {
          assert.equal((await ask(timestamp)).status, 200);
          await waitUntil("its age is over", async () => (await ask(timestamp)).status === 503);
        } finally {
          database.goOn();
        }
      });
  });
}
