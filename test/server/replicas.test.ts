/** Several server processes on one PostgreSQL: any number of them is one server to its clients. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startPostgres, type Database } from "../support/database.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { lostTags, raceOverReplicas, startReplica, type ReplicaProcess } from "./shared-store-story.ts";

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

  it("I7: of racing publishers one wins each version, and everybody sees at once what any replica acknowledged", async () => {
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
    assert.equal(outcome.staleReads, 0);
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
});
