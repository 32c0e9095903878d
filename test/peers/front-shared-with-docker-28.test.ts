/** docker 28 and Tagseal in its place share one `~/.docker`: what either pushed under content trust, the other accepts and continues with. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { dockerInspect, signedDigest, tagsealInspect, trustOn } from "../support/docker-words.ts";
import { pushedDigest, startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox"]);

type Tool = "docker" | "tagseal";

/** An image for each: the registry answers 500 when one manifest is put twice at the same moment. */
const atOnce = ["a", "b", "c", "d"];

describe("docker 28 and Tagseal with one configuration directory", { skip: missing }, () => {
  const scope = new Scope("front-shared");
  let world: FrontWorld;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two", ...atOnce] });
  });
  after(async () => await scope.close());

  const call = (user: Client, tool: Tool, ...args: readonly string[]): Promise<Finished> =>
    tool === "docker" ? user.dockerOk(args, { env: trustOn }) : user.tagsealOk(args, { env: trustOn });

  async function push(user: Client, tool: Tool, label: string, image: string): Promise<string> {
    await user.dockerOk(["tag", `made:${label}`, image]);
    const { stdout } = await call(user, tool, "push", image);
    assert.match(stdout, new RegExp(`Successfully signed ${image}\n$`, "u"));
    return pushedDigest(stdout);
  }

  /** All five ways of using an image accept the tag for that digest. */
  async function accepts(user: Client, tool: Tool, image: string, digest: string): Promise<void> {
    await world.forget(image);
    assert.match(
      (await call(user, tool, "pull", image)).stdout,
      new RegExp(`^Pull \\(1 of 1\\): ${image}@${digest}$`, "mu"),
    );
    await call(user, tool, "create", image);
    assert.match((await call(user, tool, "run", "--rm", "--network", "none", image)).stdout, /^image (?:one|two)$/mu);
    const args = ["build", "-q", "-"];
    const options = { env: trustOn, input: `FROM ${image}\nLABEL by=${tool}\n` };
    await (tool === "docker" ? user.dockerOk(args, options) : user.tagsealOk(args, options));
  }

  for (const [first, second] of [
    ["tagseal", "docker"],
    ["docker", "tagseal"],
  ] as const) {
    it(`${second} accepts what ${first} pushed, and continues with its keys`, async () => {
      const repository = `${world.registry.host}/${first}-first/app`;
      const user = world.user(`${first}-first`);
      const one = await push(user, first, "one", `${repository}:v1`);
      await accepts(user, second, `${repository}:v1`, one);
      await accepts(world.user(`${first}-first-reader`), second, `${repository}:v1`, one);

      const two = await push(user, second, "two", `${repository}:v2`);
      await push(user, second, "one", `${repository}-more:v1`);
      const keys = readdirSync(join(user.trustDirectory, "private"));
      assert.equal(keys.length, 3, "one root key and two repository keys");
      for (const tool of [first, second]) await accepts(user, tool, `${repository}:v2`, two);

      const moved = await push(user, first, "two", `${repository}:v1`);
      for (const tool of [first, second]) await accepts(user, tool, `${repository}:v1`, moved);
    });
  }

  it("signers that docker added sign what Tagseal pushes, and the other way round", async () => {
    const repository = `${world.registry.host}/signers/app`;
    const user = world.user("signers");
    const directory = scope.path("signer-keys");
    mkdirSync(directory);
    await push(user, "tagseal", "one", `${repository}:v0`);
    await user.dockerOk(["trust", "key", "generate", "alice", "--dir", directory]);
    await user.dockerOk(["trust", "signer", "add", "--key", join(directory, "alice.pub"), "alice", repository]);
    await user.tagsealOk(["trust", "key", "generate", "bob", "--dir", directory]);
    await user.tagsealOk(["trust", "signer", "add", "--key", join(directory, "bob.pub"), "bob", repository]);
    await push(user, "tagseal", "one", `${repository}:v1`);
    await push(user, "docker", "two", `${repository}:v2`);
    for (const inspect of [dockerInspect, tagsealInspect]) {
      const { SignedTags } = await inspect(user, repository);
      assert.deepEqual(
        SignedTags.map((tag) => [tag.SignedTag, tag.Signers.toSorted()]),
        [
          ["v0", ["Repo Admin"]],
          ["v1", ["alice", "bob"]],
          ["v2", ["alice", "bob"]],
        ],
      );
    }
  });

  it("trust sign of a local image pushes it, signs it, and docker pulls it", async () => {
    const image = `${world.registry.host}/signed-here/app:v1`;
    const user = world.user("signed-here");
    await push(user, "docker", "one", image.replace(":v1", ":v0"));
    await user.dockerOk(["tag", "made:two", image]);
    const { stdout, stderr } = await user.tagsealOk(["trust", "sign", image]);
    assert.match(stderr, /^Signing and pushing trust data for local image .*, may overwrite remote trust data$/mu);
    assert.match(stdout, /^Successfully signed /mu);
    await accepts(world.user("signed-here-reader"), "docker", image, await signedDigest(user, image));
  });

  it("pushes of four tags at once are all signed, and docker sees each for its digest", async () => {
    const repository = `${world.registry.host}/at-once/app`;
    const user = world.user("at-once");
    await push(user, "tagseal", "one", `${repository}:v0`);
    const digests = await Promise.all(atOnce.map((tag) => push(user, "tagseal", tag, `${repository}:${tag}`)));
    for (const [index, tag] of atOnce.entries()) {
      assert.equal(await signedDigest(user, `${repository}:${tag}`), digests[index]);
    }
  });
});
