/** Server processes on a Galera cluster, each with a node of its own: nodes die, servers die, and a node is cut off from the others. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { galeraUrl, startGalera, type GaleraCluster } from "../support/galera.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import { lostTags, raceOverReplicas, startReplica, verifyAt, type ReplicaProcess } from "./shared-store-story.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

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

  it("I7: publishers through all nodes at once: one wins each version, everybody sees it at once", async () => {
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

  it("I7: a node that is cut off refuses publications and goes on serving reads, saying so, until it is back", async () => {
    await cluster.create("cut");
    const [one, two, three] = cluster.nodes;
    const majority = await startReplica(scope, galeraUrl([one, two], "cut"));
    const minority = await startReplica(scope, galeraUrl([three], "cut"));
    const [known = "", unread = ""] = guns;
    const owner = await new UploadingPublisher(majority.url, known).begin();
    await new UploadingPublisher(majority.url, unread).begin();
    assert.deepEqual(await verifyAt(minority.url, known), { version: 1, isStale: false });

    await three.unplug();
    await Promise.all([three.becomes("cut off"), two.becomes("ready")]);
    assert.equal((await owner.addTag("meanwhile")).status, 200);
    // From memory, and what it has never been asked before from its node, which knows nothing newer either.
    for (const gun of guns) assert.deepEqual(await verifyAt(minority.url, gun), { version: 1, isStale: true }, gun);
    const refused = await (await owner.resumedAt(minority.url)).addTag("refused");
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.match(await refused.text(), /"code":"UPDATING"/u);
    assert.equal((await fetch(`${minority.url}/_notary_server/health`)).status, 503);
    assert.match(await metricsOf(minority.url), /^tagseal_server_store_lost 1$/mu);
    const marked = await fetch(`${tufUrl(minority.url, known)}timestamp.json`);
    assert.equal(marked.headers.get("cache-control"), "no-store");

    await three.plug();
    await three.becomes("ready");
    await waitUntil(
      "it knows again what is current",
      async () => !(await verifyAt(minority.url, known)).isStale,
      60_000,
    );
    assert.deepEqual(await readTags(minority.url, known), ["meanwhile", "v1"]);
    assert.equal((await (await owner.resumedAt(minority.url)).addTag("afterwards")).status, 200);
    assert.deepEqual(await readTags(majority.url, known), ["afterwards", "meanwhile", "v1"]);
    assert.equal((await fetch(`${minority.url}/_notary_server/health`)).status, 200);
    for (const event of ["lost the store", "found the store again"])
      assert.ok(minority.process.log().includes(event), event);
  });
});

async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}
