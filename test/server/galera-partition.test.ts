/** Server processes on a Galera cluster, one node of which is cut off from the others. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { target } from "../support/editing-story.ts";
import { galeraUrl, startGalera, type GaleraCluster } from "../support/galera.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import { lostTags, raceOverReplicas, startReplica, verifyAt } from "./shared-store-story.ts";
import { post, readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const guns = ["docker.io/library/one", "docker.io/library/two"];
/** TAGSEAL_REPLICA_SECONDS makes more rounds of it. */
const rounds = Math.ceil(Number(process.env["TAGSEAL_REPLICA_SECONDS"] ?? 5) / 10);

describe("replicas on a divided Galera", { skip: missingPeers(["galera"]) }, () => {
  const scope = new Scope("galera");
  let cluster: GaleraCluster;
  before(async () => void (cluster = await startGalera(scope)));
  after(() => scope.close());

  it("I3: a node that is cut off calls nothing current, and gives what cannot be old, until it is back", async () => {
    await cluster.create("cut");
    const [one, two, three] = cluster.nodes;
    const majority = await startReplica(scope, galeraUrl([one, two], "cut"));
    const minority = await startReplica(scope, galeraUrl([three], "cut"));
    const [known = "", unread = ""] = guns;
    const owner = await new UploadingPublisher(majority.url, known).begin();
    await new UploadingPublisher(majority.url, unread).begin();
    assert.equal(await verifyAt(minority.url, known), 1);
    const [inMemory, onItsNode] = await Promise.all(guns.map((gun) => targetsName(majority.url, gun)));

    await three.unplug();
    await Promise.all([three.becomes("cut off"), two.becomes("ready")]);
    assert.equal((await owner.addTag("meanwhile")).status, 200);
    const newest = await targetsName(majority.url, known);
    for (const gun of guns) {
      const answer = await fetch(`${tufUrl(minority.url, gun)}timestamp.json`);
      assert.equal(answer.status, 503, gun);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
    }
    // By its checksum a file is what it is: from memory, and from its node what it has never been asked for before.
    assert.equal((await fetch(tufUrl(minority.url, known) + inMemory)).status, 200);
    assert.equal((await fetch(tufUrl(minority.url, unread) + onItsNode)).status, 200);
    assert.equal(
      (await fetch(tufUrl(minority.url, known) + newest)).status,
      503,
      "that its node lacks it means nothing",
    );
    const refused = await post(
      minority.url,
      known,
      await owner.signed((editor) => editor.addTarget("targets", "refused", target("refused"))),
    );
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.match(await refused.text(), /"code":"UPDATING"/u);
    assert.equal((await fetch(`${minority.url}/_notary_server/health`)).status, 503);
    assert.match(await metricsOf(minority.url), /^tagseal_server_store_lost 1$/mu);
    await three.plug();
    await three.becomes("ready");
    await waitUntil("it knows again what is current", () => isReadableAt(minority.url, known), 60_000);
    assert.deepEqual(await readTags(minority.url, known), ["meanwhile", "v1"]);
    assert.equal((await (await owner.resumedAt(minority.url)).addTag("afterwards")).status, 200);
    assert.deepEqual(await readTags(majority.url, known), ["afterwards", "meanwhile", "v1"]);
    assert.equal((await fetch(`${minority.url}/_notary_server/health`)).status, 200);
    for (const event of ["lost the store", "found the store again"])
      assert.ok(minority.process.log().includes(event), event);
  });

  it("I7: a cut in the middle of racing publications loses nothing that was acknowledged, and lets no two win", async () => {
    const [one, two, three] = cluster.nodes;
    for (let round = 0; round < rounds; round += 1) {
      const name = `race${round}`;
      await cluster.create(name);
      const orders = [[one, two, three], [two, one], [three]];
      const replicas = await Promise.all(orders.map((nodes) => startReplica(scope, galeraUrl(nodes, name))));
      const urls = replicas.map(({ url }) => url);
      async function disrupt(): Promise<void> {
        await pause(1000);
        await three.unplug();
        await three.becomes("cut off");
        await pause(2000);
        await three.plug();
        await three.becomes("ready");
        await pause(1000);
      }
      const until = disrupt();
      const outcome = await raceOverReplicas({ urls: () => urls, guns, publishersEach: 3, readers: 2, until });
      assert.deepEqual(outcome.violations, []);
      assert.ok(outcome.acknowledged.length > 10);
      for (const url of urls) {
        await waitUntil("it knows what is current", async () => isReadableAt(url, guns[0] ?? ""), 60_000);
        assert.deepEqual(await lostTags(url, outcome), []);
      }
      await Promise.all(replicas.map((replica) => replica.process.stop("SIGKILL")));
    }
  });
});

/** Whether all files of a reader are served again: while a node joins, one of its connections can be ahead of another. */
async function isReadableAt(url: string, gun: string): Promise<boolean> {
  try {
    await readTags(url, gun);
    return true;
  } catch {
    return false;
  }
}

/** The name by its checksum of the targets file that is current. */
async function targetsName(url: string, gun: string): Promise<string> {
  const etag = (await fetch(`${tufUrl(url, gun)}targets.json`)).headers.get("etag");
  return `targets.${/[0-9a-f]{64}/u.exec(etag ?? "")?.[0]}.json`;
}

async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}
