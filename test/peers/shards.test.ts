/** A sharded repository with docker 28 and notary 0.7 beside Tagseal: all find the same tags and digests, whichever of them signed last. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { dockerInspect, trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import { type SignedTags, tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const peers = ["docker", "dockerd", "registry", "notary", "openssl", "busybox"] as const;

describe("a sharded repository and old clients", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("shards");
  let world: FrontWorld;
  let owner: Client;
  let gun: string;
  const digests: Record<string, string> = {};
  let newcomers = 0;

  before(async () => {
    world = await startFrontWorld(scope);
    owner = world.user("owner");
    gun = `${world.registry.host}/sharded/app`;
    digests["v1"] = await world.publish(owner, "one", `${gun}:v1`);
    digests["v2"] = await world.publish(owner, "two", `${gun}:v2`);
    const { stdout } = await owner.tagsealOk(["trust", "shard", "--by", "v1", gun]);
    assert.equal(stdout, "targets/releases: 2 tags in 2 shards\n");
  });
  after(async () => await scope.close());

  const newcomer = (): Client => world.user(`newcomer-${(newcomers += 1)}`);

  /** Each of the three has seen nothing yet. */
  async function everyoneSees(expected: SignedTags): Promise<void> {
    const read = await Promise.all([
      tagsSeenByDocker(newcomer(), gun),
      tagsSeenByNotary(newcomer(), gun),
      tagsSeenByTagseal(newcomer(), gun),
    ]);
    for (const seen of read) assert.deepEqual(seen, expected);
    const [tag = "", digest = ""] = Object.entries(expected).at(-1) ?? [];
    const pulled = await newcomer().dockerOk(["pull", `${gun}:${tag}`], { env: trustOn });
    assert.match(pulled.stdout, new RegExp(digest, "u"));
    assert.equal((await newcomer().tagsealOk(["verify", "-q", `${gun}:${tag}`])).stdout.trim(), digest);
  }

  it("docker pulls and lists it, notary lists it, and no tag has more signers", async () => {
    await everyoneSees({ v1: digests["v1"] ?? "", v2: digests["v2"] ?? "" });
    const { SignedTags } = await dockerInspect(newcomer(), gun);
    for (const { Signers } of SignedTags) assert.deepEqual(Signers, ["Repo Admin"]);
    const listed = (await newcomer().tagsealOk(["trust", "delegation", "list", gun])).stdout;
    assert.doesNotMatch(listed, /shards/u);
  });

  it("a push by docker moves the tag for everyone", async () => {
    digests["v1"] = await world.publish(owner, "two", `${gun}:v1`);
    await everyoneSees({ v1: digests["v1"] ?? "", v2: digests["v2"] ?? "" });
  });

  it("what Tagseal signs and revokes then is what everyone sees", async () => {
    await owner.tagsealOk(["sign", `${gun}:v3@${digests["v1"]}`]);
    await everyoneSees({ v1: digests["v1"] ?? "", v2: digests["v2"] ?? "", v3: digests["v1"] ?? "" });
    await owner.tagsealOk(["trust", "revoke", `${gun}:v2`]);
    await everyoneSees({ v1: digests["v1"] ?? "", v3: digests["v1"] ?? "" });
  });

  it("notary adds a tag, and the next publication by Tagseal signs its shard", async () => {
    const hex = digests["v2"]?.replace("sha256:", "") ?? "";
    await owner.notaryOk(["addhash", "-p", gun, "v2", "500", "--sha256", hex, "-r", "targets/releases"]);
    await owner.tagsealOk(["sign", `${gun}:v4@${digests["v1"]}`]);
    const { stdout } = await newcomer().tagsealOk(["verify", "-q", `${gun}:v2`]);
    assert.equal(stdout.trim(), digests["v2"]);
  });

  it("without shards everything stays as it was", async () => {
    const { stdout } = await owner.tagsealOk(["trust", "unshard", gun]);
    assert.equal(stdout, "Removed the shards of targets/releases\n");
    const [v1 = "", v2 = ""] = [digests["v1"], digests["v2"]];
    const seen = await tagsSeenByDocker(newcomer(), gun);
    assert.deepEqual(seen, { v1, v2, v3: v1, v4: v1 });
    assert.equal((await newcomer().tagsealOk(["verify", "-q", `${gun}:v1`])).stdout.trim(), v1);
  });
});
