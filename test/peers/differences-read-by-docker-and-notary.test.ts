/** Thousands of tags by notary, one more by Tagseal as a difference: docker 28 and notary read both, and all hold the same bytes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { ask } from "../support/https-request.ts";
import { seedTags } from "../support/many-tags.ts";
import { metricOf } from "../support/metric.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const count = 3000;
const peers = ["docker", "dockerd", "registry", "notary", "openssl", "busybox"] as const;

describe("a tag among thousands, published as a difference", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("differences");
  let world: FrontWorld;
  let publisher: Client;
  let gun: string;
  let digest: string;
  const user = (name: string): Client => world.user(name);
  const targetsOf = ({ trustDirectory }: Client): Buffer =>
    readFileSync(join(trustDirectory, "tuf", gun, "metadata", "targets.json"));

  before(async () => {
    world = await startFrontWorld(scope);
    gun = `${world.registry.host}/many/app`;
    publisher = user("publisher");
    await seedTags(publisher, gun, count);
    await user("warm-tagseal").tagsealOk(["verify", `${gun}:t0`]);
    await user("warm-docker").dockerOk(["trust", "inspect", `${gun}:t0`]);
    await user("warm-notary").notaryOk(["lookup", gun, "t0"]);
    digest = await world.publish(publisher, "one", `${gun}:last`, "unsigned");
    await publisher.tagsealOk(["sign", "--from-registry", `${gun}:last`]);
    assert.equal(await metricOf(world.server, "tagseal_server_dcz_received_total"), 1);
  });
  after(async () => await scope.close());

  it("docker 28 pulls it, with and without a memory of the older version", async () => {
    for (const name of ["warm-docker", "cold-docker"]) {
      await world.forget(`${gun}:last`);
      const pulled = await user(name).dockerOk(["pull", `${gun}:last`], { env: trustOn });
      assert.match(pulled.stdout, new RegExp(`Pull \\(1 of 1\\): ${gun}:last@${digest}`, "u"));
    }
  });

  it("notary looks it up, with and without a memory of the older version", async () => {
    for (const name of ["warm-notary", "cold-notary"]) {
      assert.match((await user(name).notaryOk(["lookup", gun, "last"])).stdout, new RegExp(`^last ${digest} `, "u"));
      assert.match((await user(name).notaryOk(["lookup", gun, "t2999"])).stdout, /^t2999 sha256:/u);
    }
  });

  it("docker, notary and Tagseal list the same tags", async () => {
    const seen = await tagsSeenByTagseal(user("lists-tagseal"), gun);
    assert.equal(Object.keys(seen).length, count + 1);
    assert.equal(seen["last"], digest);
    assert.deepEqual(await tagsSeenByDocker(user("lists-docker"), gun), seen);
    assert.deepEqual(await tagsSeenByNotary(user("lists-notary"), gun), seen);
  });

  it("who got the difference holds the same bytes as who got the whole file", async () => {
    const sent = async (): Promise<number> => await metricOf(world.server, "tagseal_server_dcz_sent_total");
    const before = await sent();
    await user("warm-tagseal").tagsealOk(["verify", `${gun}:last`]);
    assert.equal(await sent(), before + 1);
    await user("cold-tagseal").tagsealOk(["verify", `${gun}:last`]);
    assert.equal(await sent(), before + 1);
    const bytes = targetsOf(user("warm-tagseal"));
    for (const name of ["cold-tagseal", "warm-docker", "cold-docker", "warm-notary", "cold-notary", "publisher"])
      assert.equal(sha256Hex(targetsOf(user(name))), sha256Hex(bytes), name);
    const { url, ca } = world.server;
    const { body } = await ask(ca, "GET", `${url}/v2/${gun}/_trust/tuf/targets.${sha256Hex(bytes)}.json`);
    assert.deepEqual(body, bytes);
  });

  it("notary and docker publish the next ones on top of it", async () => {
    const hex = digest.replace("sha256:", "");
    await publisher.notaryOk(["addhash", "-p", gun, "by-notary", "500", "--sha256", hex]);
    const two = await world.publish(publisher, "two", `${gun}:by-docker`);
    const seen = await tagsSeenByTagseal(user("warm-tagseal"), gun);
    assert.deepEqual([seen["last"], seen["by-notary"], seen["by-docker"]], [digest, digest, two]);
  });
});
