/**
 * What docker 28, notary 0.7 and Tagseal make of tags in delegations below `targets/releases`: the facts that decision 50 rests on.
 * docker and Tagseal take a tag from `targets/releases` and `targets` alone; notary searches every role below them.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { dockerInspect, trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const below = "targets/releases/shards";

/** Makes a key pair with docker; the private half stays in the user's trust directory. @returns the file of the public half */
async function signerKey(user: Client, name: string): Promise<string> {
  const directory = join(user.dockerConfig, "keys");
  mkdirSync(directory, { recursive: true });
  await user.dockerOk(["trust", "key", "generate", name, "--dir", directory]);
  return join(directory, `${name}.pub`);
}

/** A digest of no image. */
function otherDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Three users who have seen nothing yet. */
function newcomersOf(world: FrontWorld, name: string): Record<"docker" | "notary" | "tagseal", Client> {
  const user = (tool: string): Client => world.user(`${name}-${tool}`);
  return { docker: user("docker"), notary: user("notary"), tagseal: user("tagseal") };
}

const peers = ["docker", "dockerd", "registry", "notary", "openssl", "busybox"] as const;

describe("tags in delegations below targets/releases", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("nested-delegations");
  let world: FrontWorld;
  let owner: Client;
  let gun: string;
  let image: string;
  let digest: string;

  before(async () => {
    world = await startFrontWorld(scope);
    owner = world.user("owner");
    gun = `${world.registry.host}/nested/app`;
    image = `${gun}:v1`;
    const alice = await signerKey(owner, "alice");
    await owner.dockerOk(["trust", "signer", "add", "--key", alice, "alice", gun]);
    digest = await world.publish(owner, "one", image);
    await owner.notaryOk(["delegation", "add", "-p", gun, below, alice, "--paths", "v"]);
  });
  after(async () => await scope.close());

  it("docker and Tagseal refuse a tag that stands there alone; notary finds it", async () => {
    const hex = digest.replace("sha256:", "");
    await owner.notaryOk(["addhash", "-p", gun, "v-alone", "500", "--sha256", hex, "-r", below]);
    const { docker, notary, tagseal } = newcomersOf(world, "alone");
    const pulled = await docker.docker(["pull", `${gun}:v-alone`], { env: trustOn });
    assert.equal(pulled.code, 1);
    assert.match(pulled.stderr, /No trust data for v-alone/u);
    assert.deepEqual(await tagsSeenByDocker(docker, gun), { v1: digest });
    assert.match((await notary.notaryOk(["lookup", gun, "v-alone"])).stdout, new RegExp(`sha256:${hex}`, "u"));
    const verified = await tagseal.tagseal(["verify", `${gun}:v-alone`]);
    assert.match(verified.stderr, /No trust data for v-alone[^]*\[TAG_NOT_SIGNED\]/u);
    assert.deepEqual(await tagsSeenByTagseal(tagseal, gun), { v1: digest });
  });

  it("all three prefer the entry of targets/releases to another one there", async () => {
    await owner.notaryOk(["addhash", "-p", gun, "v1", "500", "--sha256", otherDigest("stale"), "-r", below]);
    const { docker, notary, tagseal } = newcomersOf(world, "both");
    const pulled = await docker.dockerOk(["pull", image], { env: trustOn });
    assert.match(pulled.stdout, new RegExp(digest, "u"));
    assert.match((await notary.notaryOk(["lookup", gun, "v1"])).stdout, new RegExp(digest, "u"));
    assert.equal((await tagsSeenByNotary(notary, gun))["v1"], digest);
    assert.equal((await tagseal.tagsealOk(["verify", "-q", image])).stdout.trim(), digest);
  });

  it("docker takes the delegation for a signer of the tag when its entry has the same sha256, and not without a sha256", async () => {
    const hex = digest.replace("sha256:", "");
    await owner.notaryOk(["addhash", "-p", gun, "v1", "500", "--sha256", hex, "-r", below]);
    const signersOf = async (name: string): Promise<readonly string[] | undefined> => {
      const { SignedTags } = await dockerInspect(world.user(name), gun);
      return SignedTags.find(({ SignedTag }) => SignedTag === "v1")?.Signers.toSorted();
    };
    assert.deepEqual(await signersOf("signers-same"), ["alice", "releases/shards"]);
    const sha512 = createHash("sha512").update("v1").digest("hex");
    await owner.notaryOk(["addhash", "-p", gun, "v1", "500", "--sha512", sha512, "-r", below]);
    assert.deepEqual(await signersOf("signers-none"), ["alice"]);
    const { docker, notary, tagseal } = newcomersOf(world, "signers");
    const { Signers } = await dockerInspect(docker, gun);
    assert.deepEqual(Signers.map(({ Name }) => Name).toSorted(), ["alice", "releases/shards"]);
    assert.equal((await tagsSeenByNotary(notary, gun))["v1"], digest);
    assert.deepEqual(await tagsSeenByTagseal(tagseal, gun), { v1: digest });
  });

  it("docker's push leaves the entry there as it was", async () => {
    const stale = otherDigest("before the push");
    await owner.notaryOk(["addhash", "-p", gun, "v1", "500", "--sha256", stale, "-r", below]);
    digest = await world.publish(owner, "two", image);
    const { docker, notary, tagseal } = newcomersOf(world, "pushed");
    assert.deepEqual(await tagsSeenByDocker(docker, gun), { v1: digest });
    assert.deepEqual(await tagsSeenByTagseal(tagseal, gun), { v1: digest });
    const listed = await notary.notaryOk(["list", gun, "-r", below]);
    assert.match(listed.stdout, new RegExp(`^v1\\s+${stale}`, "mu"));
  });

  it("one directly below targets takes docker's pushes away from targets, and docker itself refuses what it pushed", async () => {
    const repository = `${world.registry.host}/direct/app`;
    const publisher = world.user("direct");
    await world.publish(publisher, "one", `${repository}:v1`);
    const key = await signerKey(publisher, "alice");
    await publisher.notaryOk(["delegation", "add", "-p", repository, "targets/shard", key, "--paths", "v"]);
    await world.publish(publisher, "two", `${repository}:v2`);
    const { docker, notary, tagseal } = newcomersOf(world, "direct");
    const pulled = await docker.docker(["pull", `${repository}:v2`], { env: trustOn });
    assert.match(pulled.stderr, /No trust data for v2/u);
    assert.match((await notary.notaryOk(["lookup", repository, "v2"])).stdout, /^v2 sha256:/u);
    const verified = await tagseal.tagseal(["verify", `${repository}:v2`]);
    assert.match(verified.stderr, /No trust data for v2[^]*\[TAG_NOT_SIGNED\]/u);
  });
});
