/** Server processes on a Galera cluster, each with its node: they race, nodes die, servers die. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { galeraUrl, startGalera, type GaleraCluster } from "../support/galera.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { lostTags, raceOverReplicas, startReplica, type ReplicaProcess } from "./shared-store-story.ts";

const guns = ["docker.io/library/one", "docker.io/library/two"];
/** TAGSEAL_REPLICA_SECONDS makes the runs longer. */
const ms = Number(process.env["TAGSEAL_REPLICA_SECONDS"] ?? 5) * 1000;

describe("replicas on Galera", { skip: missingPeers(["galera"]) }, () => {
  const scope = new Scope("galera");
  let cluster: GaleraCluster;
  before(async () => void (cluster = await startGalera(scope)));
  after(() => scope.close());

  /** Each asks its own node first, and the others when that one is gone. */
  async function startReplicas(database: string): Promise<ReplicaProcess[]> {
    await cluster.create(database);
    const [one, two, three] = cluster.nodes;
    const orders = [
      [one, two, three],
      [two, three, one],
      [three, one, two],
    ];
    return Promise.all(orders.map((nodes) => startReplica(scope, galeraUrl(nodes, database))));
  }

  it("I7: publishers through all nodes at once: one wins each version, all readers see it at once", async () => {
    const replicas = await startReplicas("race");
    const urls = replicas.map(({ url }) => url);
    const until = pause(ms);
    const outcome = await raceOverReplicas({ urls: () => urls, guns, publishersEach: 3, readers: 3, until });
    assert.deepEqual(outcome.violations, []);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.acknowledged.length > 10 && outcome.conflicts > 0 && outcome.reads > 10);
    for (const url of urls) assert.deepEqual(await lostTags(url, outcome), []);
  });

  it("I7: loses nothing that was acknowledged when a node and a server are killed", async () => {
    const replicas = await startReplicas("killed");
    let urls = replicas.map(({ url }) => url);
    async function disrupt(): Promise<void> {
      await pause(ms / 4);
      await cluster.nodes[1].kill();
      await pause(ms / 4);
      await replicas[2]?.process.stop("SIGKILL");
      urls = urls.slice(0, 2);
      await cluster.nodes[1].start();
      await pause(ms / 2);
    }
    const until = disrupt();
    const outcome = await raceOverReplicas({ urls: () => urls, guns, publishersEach: 2, readers: 3, until });
    assert.deepEqual(outcome.violations, []);
    assert.ok(outcome.acknowledged.length > 10);
    urls.push((await startReplica(scope, galeraUrl([cluster.nodes[1]], "killed"))).url);
    for (const url of urls) assert.deepEqual(await lostTags(url, outcome), []);
  });
});
