/** Several server processes on one PostgreSQL: any number of them is one server to its clients. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { openSourceDatabase } from "../../src/transfer/source-database.ts";
import { startPostgres, type Database } from "../support/database.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import { serve } from "./running-server.ts";
import { lostTags, raceOverReplicas, startReplica, verifyAt, type ReplicaProcess } from "./shared-store-story.ts";
import { tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const guns = ["docker.io/library/one", "docker.io/library/two"];
/** TAGSEAL_REPLICA_SECONDS makes the runs longer. */
const ms = Number(process.env["TAGSEAL_REPLICA_SECONDS"] ?? 5) * 1000;

describe("replicas on one PostgreSQL", { skip: missingPeers(["postgres"]) }, () => {
  const scope = new Scope("replicas");
  let database: Database;
  before(async () => void (database = await startPostgres(scope)));
  after(() => scope.close());

  async function startReplicas(name: string): Promise<ReplicaProcess[]> {
    await database.create(name, "select 1");
    return Promise.all([1, 2, 3].map(() => startReplica(scope, database.url(name))));
  }

  it("I7: of racing publishers one wins each version, and all see at once what any replica acknowledged", async () => {
    const replicas = await startReplicas("race");
    const urls = replicas.map(({ url }) => url);
    const outcome = await raceOverReplicas({
      urls: () => urls,
      guns,
      publishersEach: 3,
      readers: 3,
      until: pause(ms),
    });
    assert.deepEqual(outcome.violations, []);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.acknowledged.length > 10 && outcome.conflicts > 0 && outcome.reads > 10);
    for (const url of urls) assert.deepEqual(await lostTags(url, outcome), []);
  });

  it("I7: loses nothing that was acknowledged when a replica and then the database are killed", async () => {
    const replicas = await startReplicas("kill");
    let urls = replicas.map(({ url }) => url);
    async function disrupt(): Promise<void> {
      await pause(ms / 5);
      await replicas[0]?.process.stop("SIGKILL");
      urls = urls.slice(1);
      await pause(ms / 5);
      await database.stop("SIGKILL");
      await pause(ms / 5);
      await database.start();
      urls.push((await startReplica(scope, database.url("kill"))).url);
      await pause((ms * 2) / 5);
    }
    const outcome = await raceOverReplicas({
      urls: () => urls,
      guns,
      publishersEach: 2,
      readers: 3,
      until: disrupt(),
    });
    assert.deepEqual(outcome.violations, []);
    assert.ok(outcome.acknowledged.length > 10 && outcome.failures.length > 0);
    for (const url of urls) assert.deepEqual(await lostTags(url, outcome), []);
  });

  it("takes no more connections than configured", async (t) => {
    await database.create("few", "select 1");
    const server = await serve(t, {
      database: database.url("few"),
      signerPassphrase: "correct horse battery staple",
      sqlLimits: { connections: 2 },
    });
    const names = Array.from({ length: 16 }, (_, number) => `docker.io/library/app-${number}`);
    const publishers = names.map((name) => new UploadingPublisher(server.url, name));
    await Promise.all(publishers.map((publisher) => publisher.begin()));
    const inspector = await openSourceDatabase(database.url("few"), { postgres: undefined, mysql: undefined });
    t.after(() => inspector.close());
    const others = "datname = current_database() and pid <> pg_backend_pid()";
    const [row] = await inspector.query(`select count(*)::int as count from pg_stat_activity where ${others}`, []);
    // two for writing and two for reading, of metadata and of keys
    assert.ok(Number(row?.["count"]) <= 8, String(row?.["count"]));
  });

  it("I4: says of nothing that it is current while the database is away, and signs again what expired meanwhile", async (t) => {
    await database.create("away", "select 1");
    const clock = { now: new Date() };
    const server = await serve(t, {
      database: database.url("away"),
      signerPassphrase: "correct horse battery staple",
      now: () => clock.now,
      upkeep: false,
    });
    const [gun = "", other = ""] = guns;
    const owner = await new UploadingPublisher(server.url, gun).begin();
    assert.equal(await verifyAt(server.url, gun), 1);
    await database.stop();
    const timestamp = `${tufUrl(server.url, gun)}timestamp.json`;
    const refused = await owner.addTag("refused");
    const answers = [refused, await fetch(timestamp), await fetch(`${tufUrl(server.url, other)}timestamp.json`)];
    for (const answer of answers) {
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
    }
    clock.now = new Date(clock.now.getTime() + 25 * 3_600_000);
    assert.equal((await fetch(timestamp)).status, 503);
    await database.start();
    await waitUntil("it is found without anybody's request", () =>
      server.lines.some(({ event }) => event === "found the store again"),
    );
    assert.equal((await fetch(timestamp)).status, 200, "it is renewed");
    assert.equal((await fetch(`${tufUrl(server.url, other)}timestamp.json`)).status, 404);
  });
});
