/**
 * The real docker command line and engine under content trust, with nothing of Tagseal's but the trust server. Each story also
 * runs against the reference server, so that a story which docker itself could not finish would show.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { dockerInspect, signedDigest, trustOff, trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { client, missingPeers, runOnTerminal, startDockerRegistry, type Client } from "../support/peers.ts";
import { onEachServer, type ServerStory } from "./on-each-server.ts";

const peers = ["docker", "dockerd", "registry", "notary", "openssl", "busybox"] as const;
const missingTerminal = missingPeers(["python"]);

/** htpasswd line for alice / wonderland */
const account = "alice:$2b$05$abcdefghijklmnopqrstuuA0vov2GDneHB3.8.cv9UF9g.RdvScIW\n";

/** Pushes the image built as `made:<label>` under another name. */
async function push(user: Client, label: string, image: string, env = trustOn): Promise<string> {
  await user.dockerOk(["tag", `made:${label}`, image]);
  return (await user.dockerOk(["push", image], { env })).stdout;
}

/** A private key in a file. */
function keyFile(path: string): string {
  const bytes = PrivateKey.generate("ecdsa").toPkcs8();
  writeFileSync(path, serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes }), { mode: 0o600 });
  return path;
}

function stories({ scope, server }: ServerStory): void {
  let world: FrontWorld;

  before(async () => {
    world = await startFrontWorld(scope, { server: server() });
  });

  it("pushes and signs, and another machine pulls exactly that digest", async () => {
    const image = `${world.registry.host}/push/app:v1`;
    const publisher = world.user("push-publisher");
    assert.match(await push(publisher, "one", image), /Successfully signed localhost/u);

    const reader = world.user("push-reader");
    const digest = await signedDigest(reader, image);
    const pulled = await reader.dockerOk(["pull", image], { env: trustOn });
    assert.match(pulled.stdout, new RegExp(`Pull \\(1 of 1\\): ${image}@${digest}`, "u"));
  });

  it("does not see a tag that was pushed without a signature", async () => {
    const repository = `${world.registry.host}/unsigned/app`;
    const user = world.user("unsigned");
    await push(user, "one", `${repository}:signed`);
    await push(user, "two", `${repository}:unsigned`, trustOff);
    const refused = await user.docker(["pull", `${repository}:unsigned`], { env: trustOn });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /No valid trust data for unsigned/u);
  });

  it("keeps delivering the signed digest after the registry's tag was moved", async () => {
    const image = `${world.registry.host}/moved/app:v1`;
    const user = world.user("moved");
    await push(user, "one", image);
    const digest = await signedDigest(user, image);
    await push(user, "two", image, trustOff);
    const pulled = await user.dockerOk(["pull", image], { env: trustOn });
    assert.match(pulled.stdout, new RegExp(digest, "u"));
  });

  it("signs again with another digest, and other machines follow", async () => {
    const image = `${world.registry.host}/again/app:v1`;
    const publisher = world.user("again-publisher");
    const reader = world.user("again-reader");
    await push(publisher, "one", image);
    const first = await signedDigest(reader, image);
    await push(publisher, "two", image);
    assert.notEqual(await signedDigest(reader, image), first);
  });

  it("adds signers, who sign; inspect names them", async () => {
    const repository = `${world.registry.host}/signers/app`;
    const admin = world.user("signers");
    const directory = join(admin.dockerConfig, "keys");
    mkdirSync(directory);
    for (const name of ["alice", "bob"]) {
      await admin.dockerOk(["trust", "key", "generate", name, "--dir", directory]);
      const added = await admin.dockerOk([
        "trust",
        "signer",
        "add",
        "--key",
        join(directory, `${name}.pub`),
        name,
        repository,
      ]);
      assert.match(added.stdout, new RegExp(`Successfully added signer: ${name} to ${repository}`, "u"));
    }
    await admin.dockerOk(["tag", "made:one", `${repository}:v1`]);
    await admin.dockerOk(["trust", "sign", `${repository}:v1`]);

    const { SignedTags, Signers } = await dockerInspect(world.user("signers-reader"), repository);
    assert.deepEqual(
      SignedTags.map((tag) => [tag.SignedTag, tag.Signers.toSorted()]),
      [["v1", ["alice", "bob"]]],
    );
    assert.deepEqual(Signers.map((signer) => signer.Name).toSorted(), ["alice", "bob"]);
  });

  it("initialises and signs a new repository for any user who is logged in", async () => {
    const registry = await startDockerRegistry(world.scope, { htpasswd: account });
    const user = world.user("login");
    await user.dockerOk(["login", "-u", "alice", "--password-stdin", registry.host], { input: "wonderland" });
    await user.dockerOk(["tag", "made:one", `${registry.host}/app:v1`]);
    const signed = await user.dockerOk(["trust", "sign", `${registry.host}/app:v1`]);
    assert.match(signed.stdout, /Created signer: alice/u);
    assert.match(signed.stdout, /Successfully signed/u);
  });

  it("revokes a tag for all readers", async () => {
    const image = `${world.registry.host}/revoked/app:v1`;
    const user = world.user("revoked");
    await push(user, "one", image);
    await push(user, "two", image.replace(":v1", ":v2"));
    const revoked = await user.dockerOk(["trust", "revoke", image]);
    assert.match(revoked.stdout, /Successfully deleted signature/u);
    const refused = await world.user("revoked-reader").docker(["pull", image], { env: trustOn });
    assert.match(refused.stderr, /No valid trust data for v1/u);
  });

  it("removes the last signer when confirmed at the prompt", { skip: missingTerminal }, async () => {
    const image = `${world.registry.host}/removal/app:v1`;
    const user = world.user("removal");
    const directory = join(user.dockerConfig, "keys");
    mkdirSync(directory);
    await user.dockerOk(["trust", "key", "generate", "carol", "--dir", directory]);
    const repository = image.replace(":v1", "");
    await user.dockerOk(["trust", "signer", "add", "--key", join(directory, "carol.pub"), "carol", repository]);
    await user.dockerOk(["tag", "made:one", image]);
    await user.dockerOk(["trust", "sign", image]);
    const answers = [{ when: String.raw`\[y/N\] $`, send: "y\r" }];
    const session = await runOnTerminal("docker", ["trust", "signer", "remove", "carol", repository], answers, user);
    assert.match(session.screen, /Successfully removed carol/u);
    assert.deepEqual((await dockerInspect(user, repository)).Signers, []);
  });

  it("pushes with two keys of three, and other machines pull; with one key of two it signs nothing", async () => {
    const image = `${world.registry.host}/thresholds/app:v1`;
    const repository = image.replace(":v1", "");
    const publisher = world.user("threshold-publisher");
    const reader = world.user("threshold-reader");
    await push(publisher, "one", image);
    const { AdministrativeKeys } = await dockerInspect(reader, repository);
    const own = AdministrativeKeys.find(({ Name }) => Name === "Repository")?.Keys[0]?.ID ?? "";
    const files = ["second", "third"].map((name) => keyFile(join(publisher.dockerConfig, `${name}.pem`)));
    const keys = [own, ...files].flatMap((key) => ["--key", key]);
    await publisher.tagsealOk(["trust", "key", "rotate", repository, "targets", "--threshold", "2", ...keys]);
    await push(publisher, "two", image);
    const digest = await signedDigest(reader, image);
    const pulled = await reader.dockerOk(["pull", image], { env: trustOn });
    assert.match(pulled.stdout, new RegExp(digest, "u"));

    const alone = world.user("threshold-alone");
    cpSync(
      join(publisher.trustDirectory, "private", `${own}.key`),
      join(alone.trustDirectory, "private", `${own}.key`),
    );
    await alone.dockerOk(["tag", "made:one", image]);
    const refused = await alone.docker(["push", image], { env: trustOn });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /could not find necessary signing keys, at least 2|no valid signing keys|needed/u);
    assert.equal(await signedDigest(reader, image), digest);
  });

  it("checks the server's certificate where the registry is not on loopback", async () => {
    const gun = "registry.example.com/tls/app";
    const user = world.user("tls");
    await user.notaryOk(["init", gun, "-p"]);
    await user.dockerOk(["trust", "inspect", gun]);
    const stranger = client(world.scope, {
      name: "tls-stranger",
      env: { DOCKER_CONTENT_TRUST_SERVER: world.server.url },
    });
    assert.equal((await stranger.docker(["trust", "inspect", gun])).code, 1);
  });

  it("builds on signed images only, with the classic builder", async () => {
    const image = `${world.registry.host}/base/app:v1`;
    const user = world.user("base");
    await push(user, "one", image);
    await push(user, "two", image.replace(":v1", ":v2"), trustOff);
    const build = (from: string): ReturnType<Client["docker"]> =>
      user.docker(["build", "-"], { input: `FROM ${from}\nLABEL derived=yes\n`, env: trustOn });
    assert.equal((await build(image)).code, 0);
    const refused = await build(image.replace(":v1", ":v2"));
    assert.match(refused.stderr, /No valid trust data for v2/u);
  });
}

onEachServer("docker 28", { name: "docker", peers, notary: {} }, stories);
