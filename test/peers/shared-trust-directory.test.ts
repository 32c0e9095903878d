/**
 * docker 28, notary 0.7 and tagseal as one user's tools: one `$DOCKER_CONFIG`, one trust directory, one server, used in turn
 * and at the same time. After every step each of them must see what the others did.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { dockerInspect, tagsealInspect, trustOff, trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import type { Client } from "../support/peers.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal, type SignedTags } from "../support/trust-readers.ts";
import { onEachServer, type ServerStory } from "./on-each-server.ts";

const peers = ["docker", "dockerd", "registry", "notary", "openssl", "busybox"] as const;

const hexOf = (digest: string): string => digest.replace("sha256:", "");

async function everybodySees(user: Client, repository: string, expected: SignedTags): Promise<void> {
  assert.deepEqual(await tagsSeenByDocker(user, repository), expected, "docker trust inspect");
  assert.deepEqual(await tagsSeenByNotary(user, repository), expected, "notary list");
  assert.deepEqual(await tagsSeenByTagseal(user, repository), expected, "tagseal list");
}

function stories({ scope, server }: ServerStory): void {
  let world: FrontWorld;
  /** digests of the images pushed, unsigned, as `<repository>:one` and `:two` */
  let digests: { readonly one: string; readonly two: string };

  before(async () => {
    world = await startFrontWorld(scope, { server: server() });
    const builder = world.user("uploader");
    digests = { one: await upload(builder, "first", "one"), two: await upload(builder, "first", "two") };
  });

  /** Uploads `made:<label>` without signing it; the digest is the same in every repository. */
  async function upload(user: Client, repository: string, label: string): Promise<string> {
    const image = `${world.registry.host}/${repository}:${label}`;
    await user.dockerOk(["tag", `made:${label}`, image]);
    const { stdout } = await user.dockerOk(["push", image], { env: trustOff });
    return /digest: (sha256:[0-9a-f]{64})/u.exec(stdout)?.[1] ?? assert.fail(`no digest in ${stdout}`);
  }

  async function repositoryWithBoth(user: Client, name: string): Promise<string> {
    for (const label of ["one", "two"]) await upload(user, name, label);
    return `${world.registry.host}/${name}`;
  }

  it("takes turns: docker initialises, notary adds, tagseal signs", async () => {
    const user = world.user("turns");
    const repository = await repositoryWithBoth(user, "turns");
    await user.dockerOk(["tag", "made:one", `${repository}:docker`]);
    await user.dockerOk(["push", `${repository}:docker`], { env: trustOn });
    await everybodySees(user, repository, { docker: digests.one });

    await user.notaryOk(["addhash", repository, "notary", "528", "--sha256", hexOf(digests.two), "-p"]);
    await everybodySees(user, repository, { docker: digests.one, notary: digests.two });

    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    await everybodySees(user, repository, { docker: digests.one, notary: digests.two, one: digests.one });

    await user.dockerOk(["tag", "made:two", `${repository}:docker`]);
    await user.dockerOk(["push", `${repository}:docker`], { env: trustOn });
    await everybodySees(user, repository, { docker: digests.two, notary: digests.two, one: digests.one });

    await user.tagsealOk(["trust", "revoke", `${repository}:notary`]);
    await everybodySees(user, repository, { docker: digests.two, one: digests.one });
  });

  it("initialises with tagseal, and docker and notary sign with the keys it made", async () => {
    const user = world.user("ours-first");
    const repository = await repositoryWithBoth(user, "ours-first");
    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    await everybodySees(user, repository, { one: digests.one });

    await user.dockerOk(["tag", "made:two", `${repository}:two`]);
    await user.dockerOk(["push", `${repository}:two`], { env: trustOn });
    await user.notaryOk(["addhash", repository, "three", "528", "--sha256", hexOf(digests.one), "-p"]);
    await everybodySees(user, repository, { one: digests.one, three: digests.one, two: digests.two });

    const listed = await user.notaryOk(["key", "list"]);
    assert.match(listed.stdout, /^root /mu);
    assert.match(listed.stdout, /^targets /mu);
  });

  it("shares signers: each tool makes one, and the others see, use and remove it", async () => {
    const user = world.user("signers");
    const repository = await repositoryWithBoth(user, "signers");
    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    await user.dockerOk(["trust", "key", "generate", "alice", "--dir", user.dockerConfig]);
    await user.tagsealOk(["trust", "key", "generate", "bob", "--dir", user.dockerConfig]);
    const publicKey = (name: string): string => join(user.dockerConfig, `${name}.pub`);
    await user.tagsealOk(["trust", "signer", "add", "--key", publicKey("alice"), "alice", repository]);
    await user.dockerOk(["trust", "signer", "add", "--key", publicKey("bob"), "bob", repository]);

    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    await user.dockerOk(["tag", "made:two", `${repository}:two`]);
    await user.dockerOk(["trust", "sign", `${repository}:two`]);
    for (const inspect of [dockerInspect, tagsealInspect]) {
      const { SignedTags, Signers } = await inspect(user, repository);
      assert.deepEqual(
        SignedTags.map((tag) => [tag.SignedTag, tag.Signers.toSorted()]),
        [
          ["one", ["alice", "bob"]],
          ["two", ["alice", "bob"]],
        ],
      );
      assert.deepEqual(
        Signers.map((signer) => signer.Name),
        ["bob", "alice"],
      );
    }
    assert.deepEqual(await tagsealInspect(user, repository), await dockerInspect(user, repository));

    await user.tagsealOk(["trust", "signer", "remove", "--force", "bob", repository]);
    assert.deepEqual(
      (await dockerInspect(user, repository)).Signers.map((signer) => signer.Name),
      ["alice"],
    );
    assert.doesNotMatch((await user.notaryOk(["delegation", "list", repository])).stdout, /targets\/bob/u);
  });

  it("sees rotations that notary made", async () => {
    const user = world.user("rotation");
    const repository = await repositoryWithBoth(user, "rotation");
    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    for (const [role, ...flags] of [["targets"], ["timestamp", "-r"], ["root"]] as const) {
      await user.notaryOk(["key", "rotate", repository, role, ...flags], { input: "yes\n" });
      await everybodySees(user, repository, { one: digests.one });
    }
    await user.tagsealOk(["sign", `${repository}:two@${digests.two}`]);
    await everybodySees(user, repository, { one: digests.one, two: digests.two });
  });

  it("loses nothing when all three publish at the same time", async () => {
    const user = world.user("together");
    const repository = await repositoryWithBoth(user, "together");
    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    const peers = Promise.all([
      user.notary(["addhash", repository, "notary", "528", "--sha256", hexOf(digests.two), "-p"]),
      user.docker(["push", `${repository}:two`], { env: trustOn }),
    ]);
    const ours = ["a", "b", "c"].map((tag) => user.tagsealOk(["sign", `${repository}:${tag}@${digests.one}`]));
    await Promise.all(ours);
    await peers;
    // Theirs may lose the race and say so; what ours acknowledged must be there, whatever theirs did.
    const seen = await tagsSeenByTagseal(user, repository);
    assert.deepEqual(
      [seen["a"], seen["b"], seen["c"], seen["one"]],
      Array.from({ length: 4 }, () => digests.one),
    );
    assert.deepEqual(await tagsSeenByDocker(user, repository), seen);
  });

  it("I6: keeps the modes of keys and directories that docker chose", async () => {
    const user = world.user("modes");
    const repository = await repositoryWithBoth(user, "modes");
    await user.tagsealOk(["sign", `${repository}:one@${digests.one}`]);
    const keys = join(user.trustDirectory, "private");
    assert.equal(modeOf(keys), 0o700);
    for (const name of readdirSync(keys)) {
      assert.equal(modeOf(join(keys, name)), 0o600, name);
      assert.match(readFileSync(join(keys, name), "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/u);
    }
  });
}

onEachServer("one trust directory for all", { name: "shared", peers, notary: {} }, stories);
