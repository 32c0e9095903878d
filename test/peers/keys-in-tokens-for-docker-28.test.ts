/** Root, repository and signer keys in SoftHSM: Tagseal signs with them, docker 28 and notary verify and use what was signed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { dockerInspect, signedDigest, trustOff, trustOn } from "../support/docker-words.ts";
import { pushedDigest, startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, type Client } from "../support/peers.ts";
import { pin, SoftHsm } from "../support/softhsm.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "notary", "softhsm"]);
const store = (object: string): string[] => ["--store", `pkcs11:token=team;object=${object}`];

describe("keys in a token, for docker 28 and notary", { skip: missing }, () => {
  const scope = new Scope("tokens-for-docker");
  let world: FrontWorld;
  let repository: string;
  let publisher: Client;

  before(async () => {
    world = await startFrontWorld(scope, { labels: ["one", "two"] });
    repository = `${world.registry.host}/tokens/app`;
    const hsm = new SoftHsm(scope);
    await hsm.token("team");
    const none = {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: undefined,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: undefined,
    };
    const noNotary = { NOTARY_ROOT_PASSPHRASE: undefined, NOTARY_TARGETS_PASSPHRASE: undefined };
    const env = { ...hsm.env, ...none, ...noNotary, NOTARY_DELEGATION_PASSPHRASE: undefined, TAGSEAL_TOKEN_PIN: pin };
    publisher = world.user("publisher", env);
  });
  after(async () => await scope.close());

  const push = async (label: string, tag: string): Promise<string> => {
    await publisher.dockerOk(["tag", `made:${label}`, `${repository}:${tag}`]);
    return pushedDigest((await publisher.tagsealOk(["push", `${repository}:${tag}`], { env: trustOn })).stdout);
  };

  async function pulls(reader: Client, tag: string, digest: string): Promise<void> {
    await world.forget(`${repository}:${tag}`);
    const { stdout } = await reader.dockerOk(["pull", `${repository}:${tag}`], { env: trustOn });
    assert.match(stdout, new RegExp(`^Pull \\(1 of 1\\): ${repository}:${tag}@${digest}$`, "mu"));
  }

  it("a root and a repository key sign what docker pulls and notary verifies", async () => {
    await publisher.tagsealOk(["trust", "key", "generate", "--role", "root", ...store("root"), "team-root"]);
    const targets = ["--role", "targets", "--gun", repository, "--algorithm", "rsa"];
    await publisher.tagsealOk(["trust", "key", "generate", ...targets, ...store("app"), "team-app"]);
    const digest = await push("one", "v1");
    const reader = world.user("reader");
    await pulls(reader, "v1", digest);
    const { stdout } = await world.user("notary-reader").notaryOk(["list", repository]);
    assert.match(stdout, new RegExp(`^v1 +${digest.replace("sha256:", "")} +\\d+ +targets$`, "mu"));
    const keys = await publisher.notaryOk(["key", "list"]);
    assert.match(keys.stdout, /No signing keys found/u);
  });

  it("a signer's ECDSA key and another's RSA key sign what docker shows as theirs", async () => {
    for (const [name, algorithm] of [
      ["alice", "ecdsa"],
      ["bob", "rsa"],
    ] as const) {
      await publisher.tagsealOk(["trust", "key", "generate", "--algorithm", algorithm, ...store(name), name]);
      const key = join(publisher.env["HOME"] ?? "", `${name}.pub`);
      await publisher.tagsealOk(["trust", "signer", "add", "--key", key, name, repository]);
    }
    const digest = await push("two", "v2");
    const reader = world.user("reader");
    await pulls(reader, "v2", digest);
    assert.equal(await signedDigest(reader, `${repository}:v2`), digest);
    const { SignedTags } = await dockerInspect(reader, repository);
    assert.deepEqual(SignedTags.find((tag) => tag.SignedTag === "v2")?.Signers.toSorted(), ["alice", "bob"]);
    const { stdout } = await world.user("notary-reader").notaryOk(["list", "--roles", "targets/alice", repository]);
    assert.match(stdout, /^v2 .*targets\/alice$/mu);
  });

  it("they take a tag back, which docker then refuses", async () => {
    const reader = world.user("reader");
    await publisher.tagsealOk(["trust", "revoke", "--yes", `${repository}:v2`]);
    await world.forget(`${repository}:v2`);
    const refused = await reader.docker(["pull", `${repository}:v2`], { env: trustOn });
    assert.match(refused.stderr, /No valid trust data for v2/u);
    const unsigned = await reader.docker(["pull", `${repository}:v2`], { env: trustOff });
    assert.equal(unsigned.code, 0, "it is still in the registry");
  });
});
