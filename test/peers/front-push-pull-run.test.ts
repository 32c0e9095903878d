/**
 * What push, pull, create, run and `trust sign` do with a real engine and registry that docker 28 does not, or not safely; and what
 * they do when the engine is not to be believed.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { dockerInspect, signedDigest, trustOff, trustOn } from "../support/docker-words.ts";
import { frontDockers, type FrontDocker } from "../support/dockers.ts";
import { lines, startFakeEngine } from "../support/fake-engine.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import {
  missingPeers,
  runOnTerminal,
  Scope,
  startDockerRegistry,
  tagsealCommand,
  type Client,
} from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";
import { newRepository } from "../support/side-by-side.ts";

const peers = ["docker", "dockerd", "openssl", "busybox"] as const;
const nobody = `sha256:${"0".repeat(64)}`;

for (const docker of frontDockers) {
  const skip = missingPeers([...peers, ...docker.peers, docker.version === 29 ? "registry 3" : "registry"]);
  describe(`push, pull, create and run under content trust with docker ${docker.version}`, { skip }, () =>
    stories(docker),
  );
}

function stories(docker: FrontDocker): void {
  const scope = new Scope("push-pull-run");
  let world: FrontWorld;
  let publisher: Client;
  /** a repository with v1 signed as image one, v2 as image two */
  let app: string;
  let one: string;
  let two: string;

  before(async () => {
    // today's docker with today's registry
    const registry = await startDockerRegistry(scope, { version: docker.version === 29 ? 3 : 2 });
    world = await startFrontWorld(scope, { docker, registry });
    publisher = world.user("publisher");
    app = `${world.registry.host}/team/app`;
    one = await world.publish(publisher, "one", `${app}:v1`);
    two = await world.publish(publisher, "two", `${app}:v2`);
  });
  after(async () => await scope.close());

  const trusted = (user: Client, ...args: readonly string[]): Promise<Finished> => user.tagseal(args, { env: trustOn });

  async function succeeded(user: Client, ...args: readonly string[]): Promise<Finished> {
    const finished = await trusted(user, ...args);
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    return finished;
  }

  /** An attacker with rights in the registry, but without keys, puts another image under a tag. */
  async function moveTag(image: string, label: string): Promise<void> {
    const attacker = world.user("attacker");
    await attacker.dockerOk(["tag", `made:${label}`, image], { env: trustOff });
    await attacker.dockerOk(["push", image], { env: trustOff });
    await world.forget(image);
  }

  async function forgetAll(repository: string): Promise<void> {
    const format = "{{.Repository}}@{{.Digest}}";
    const { stdout } = await publisher.dockerOk(["images", "--digests", "--format", format, repository]);
    await world.forget(
      ...["v1", "v2", "moved"].map((tag) => `${repository}:${tag}`),
      ...stdout.split("\n").filter((name) => name.includes("@sha256:")),
    );
  }

  describe("pull", () => {
    it("I5: fetches what was signed although the registry's tag was moved", async () => {
      const image = `${app}:moved`;
      const digest = await world.publish(publisher, "one", image);
      await moveTag(image, "two");
      const { stdout } = await succeeded(world.user("pull-moved"), "pull", image);
      assert.match(stdout, new RegExp(`^Pull \\(1 of 1\\): ${image}@${digest}$`, "mu"));
      assert.equal(await world.imageId(image), await world.imageId("made:one"));
    });

    it("I5: of a tag with a digest asks that the tag is signed for that digest, which docker never does", async () => {
      const user = world.user("pull-both");
      await succeeded(user, "pull", `${app}:v1@${one}`);
      await world.forget(`${app}:v1`);
      const refused = await trusted(user, "pull", `${app}:v1@${two}`);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /is signed for another digest.*TAG_DIGEST_MISMATCH/su);
      assert.equal(refused.stdout, "");
      assert.equal(await world.imageId(`${app}:v1`), undefined);
    });

    it("I9: of an unsigned tag pulls and tags nothing", async () => {
      const image = `${app}:unsigned`;
      await world.publish(publisher, "two", image, "unsigned");
      await world.forget(image);
      const refused = await trusted(world.user("pull-unsigned"), "pull", image);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^No valid trust data for unsigned\n/u);
      assert.equal(await world.imageId(image), undefined);
    });

    it("of all tags takes the signed ones only, in the order people count", async () => {
      const repository = `${world.registry.host}/team/many`;
      for (const tag of ["v10", "v9", "v2"]) await world.publish(publisher, "one", `${repository}:${tag}`);
      await world.publish(publisher, "two", `${repository}:v3`, "unsigned");
      await world.forget(...["v2", "v3", "v9", "v10"].map((tag) => `${repository}:${tag}`));
      const { stdout } = await succeeded(world.user("pull-all"), "pull", "-a", repository);
      const named = [...stdout.matchAll(/^Pull \((\d) of 3\): \S+:(v\d+)@/gmu)].map(([, place, tag]) => [place, tag]);
      assert.deepEqual(named, [
        ["1", "v2"],
        ["2", "v9"],
        ["3", "v10"],
      ]);
      assert.equal(stdout.trimEnd().split("\n").at(-1), repository);
      assert.equal(await world.imageId(`${repository}:v3`), undefined);
    });

    it("with --quiet prints only the name", async () => {
      const { stdout, stderr } = await succeeded(world.user("pull-quiet"), "pull", "-q", `${app}:v1`);
      assert.deepEqual([stdout, stderr], [`${app}:v1\n`, ""]);
    });
  });

  describe("push", () => {
    it("signs exactly what it pushed, and docker 28 takes it", async () => {
      const image = `${app}:ours`;
      await publisher.dockerOk(["tag", "made:two", image]);
      const { stdout } = await succeeded(publisher, "push", image);
      assert.match(stdout, new RegExp(`\nSigning and pushing trust metadata\nSuccessfully signed ${image}\n$`, "u"));
      assert.match(stdout, new RegExp(`ours: digest: ${two} size: \\d+\n`, "u"));
      assert.equal(await signedDigest(publisher, image), two);
      await world.user("docker-reader").dockerOk(["pull", image], { env: trustOn });
    });

    it("without a tag pushes latest, signs nothing, and says how to", async () => {
      const repository = `${world.registry.host}/team/untagged`;
      await publisher.dockerOk(["tag", "made:one", repository]);
      const { stdout, stderr } = await succeeded(publisher, "push", repository);
      assert.match(stdout, /^Using default tag: latest\n/u);
      assert.match(stdout, /\nlatest: digest: sha256:[0-9a-f]{64} size: \d+\n$/u);
      assert.equal(
        stderr,
        `No tag specified, skipping trust metadata push\nhint: To sign it, name the tag: tagseal push ${repository}:latest\n`,
      );
      assert.equal((await publisher.docker(["trust", "inspect", repository])).code, 1);
    });

    it("with --quiet prints the name, and signs nevertheless", async () => {
      const image = `${app}:quiet`;
      await publisher.dockerOk(["tag", "made:one", image]);
      const { stdout, stderr } = await succeeded(publisher, "push", "--quiet", image);
      assert.deepEqual([stdout, stderr], [`${image}\n`, ""]);
      assert.equal(await signedDigest(publisher, image), one);
    });

    it("whose signing fails says how to finish, and leaves nothing for the next push to sign", async () => {
      const image = `${app}:stuck`;
      await publisher.dockerOk(["tag", "made:one", image]);
      const wrong = "wrong passphrase";
      const env = { ...trustOn, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: wrong, NOTARY_TARGETS_PASSPHRASE: wrong };
      const failed = await publisher.tagseal(["push", image], { env });
      assert.equal(failed.code, 1, failed.stdout + failed.stderr);
      assert.match(failed.stderr, new RegExp(`^failed to sign ${image}: Wrong passphrase`, "u"));
      const [, line = ""] = /finish with: tagseal (\S+ \S+@sha256:[0-9a-f]{64})/u.exec(failed.stderr) ?? [];
      const changes = join(publisher.trustDirectory, "tuf", app, "changelist");
      assert.deepEqual(existsSync(changes) ? readdirSync(changes) : [], []);
      await publisher.dockerOk(["tag", "made:two", `${app}:next`]);
      await succeeded(publisher, "push", `${app}:next`);
      const tags = async (): Promise<string[]> =>
        (await dockerInspect(publisher, app)).SignedTags.map(({ SignedTag }) => SignedTag);
      assert.equal((await tags()).includes("stuck"), false);
      assert.equal((await publisher.tagseal(line.split(" "))).code, 0);
      assert.equal((await tags()).includes("stuck"), true);
    });

    it("draws on a terminal what docker draws", async () => {
      const image = `${app}:v1`;
      await publisher.dockerOk(["tag", "made:one", image]);
      const session = (command: string): Promise<string> =>
        runOnTerminal(command, ["push", image], [], { env: { ...publisher.env, ...trustOn } }).then(
          ({ screen }) => screen,
        );
      const docker = await session("docker");
      assert.ok(docker.includes("\u001b[1A"), docker);
      assert.equal(await session(tagsealCommand), docker);
    });
  });

  describe("an engine that lies", () => {
    it("about the digest is found out by the registry, and nothing is signed", async () => {
      const fake = await startFakeEngine();
      try {
        fake.answer = lines({ status: "pushed" }, { aux: { Tag: "v9", Digest: nobody, Size: 528 } });
        const env = { ...trustOn, DOCKER_HOST: fake.host };
        const refused = await publisher.tagseal(["push", `${app}:v9`], { env });
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, new RegExp(`^failed to sign ${app}:v9: .*REGISTRY_NOT_FOUND`, "su"));
        fake.answer = lines({ aux: { Tag: "v9", Digest: one, Size: 9 } });
        const wrongSize = await publisher.tagseal(["push", `${app}:v9`], { env });
        assert.match(wrongSize.stderr, /the engine says it pushed 9 bytes.*REGISTRY_DIGEST_MISMATCH/su);
        const { SignedTags } = await dockerInspect(publisher, app);
        assert.equal(
          SignedTags.some(({ SignedTag }) => SignedTag === "v9"),
          false,
        );
      } finally {
        fake.close();
      }
    });
  });

  describe("create and run", () => {
    const quick = ["run", "--rm", "--network", "none"];

    it("I5: start exactly the signed digest, under the name that was typed", async () => {
      await forgetAll(app);
      const user = world.user("create");
      const { stdout, stderr } = await succeeded(user, "create", "--name", "typed", `${app}:v1`);
      assert.match(stdout, /^[0-9a-f]{64}\n$/u);
      assert.match(
        stderr,
        new RegExp(`^Unable to find image '${app}:v1' locally\n[^]*Tagging ${app}@${one} as ${app}:v1\n$`, "u"),
      );
      const inspected = await user.dockerOk(["inspect", "-f", "{{.Config.Image}} {{.Image}}", "typed"]);
      assert.equal(inspected.stdout.trim(), `${app}:v1@${one} ${await world.imageId("made:one")}`);
      const listed = await user.dockerOk(["ps", "-a", "--filter", "name=typed", "--format", "{{.Image}}"]);
      assert.equal(listed.stdout.trim(), `${app}:v1`);
      await user.dockerOk(["rm", "typed"]);
    });

    it("I5: do not start what is under the tag on this machine", async () => {
      const user = world.user("run-local");
      await user.dockerOk(["tag", "made:two", `${app}:v1`]);
      const { stdout } = await succeeded(user, ...quick, `${app}:v1`);
      assert.equal(stdout, (await user.dockerOk([...quick, "made:one"])).stdout);
    });

    it("with a tag and a digest start it only when the tag is signed for it", async () => {
      const user = world.user("run-both");
      await succeeded(user, ...quick, `${app}:v1@${one}`);
      const refused = await trusted(user, ...quick, `${app}:v1@${two}`);
      assert.equal(refused.code, 125);
      assert.match(refused.stderr, /^docker: .* is signed for another digest/u);
      assert.match(refused.stderr, /\n\nRun 'docker run --help' for more information\n$/u);
    });

    it("pull again when asked to, once, by digest", async () => {
      const { stderr } = await succeeded(world.user("run-always"), ...quick, "--pull", "always", `${app}:v2`);
      assert.equal(stderr.match(/Pulling from/gu)?.length, 1);
      assert.match(stderr, new RegExp(`^${app}@${two}: Pulling from`, "u"));
    });

    it("never pull when asked not to", async () => {
      await forgetAll(app);
      const refused = await trusted(world.user("run-never"), ...quick, "--pull=never", `${app}:v1`);
      assert.equal(refused.code, 125);
      assert.match(refused.stderr, /No such image/u);
    });

    it("leave image IDs alone, short ones too, and the program's exit status is theirs", async () => {
      const id = ((await world.imageId("made:one")) ?? "").replace("sha256:", "");
      const user = world.user("run-id");
      for (const name of [id, `sha256:${id}`, id.slice(0, 12)]) await succeeded(user, ...quick, name);
      const ended = await trusted(user, ...quick, "--entrypoint", "/bin/busybox", id, "sh", "-c", "exit 7");
      assert.equal(ended.code, 7);
    });

    it("I9: refuse an unsigned image that is here", async () => {
      const refused = await trusted(world.user("run-unsigned"), ...quick, "made:one");
      assert.equal(refused.code, 125);
      assert.equal(refused.stdout, "");
    });
  });

  describe("trust sign", () => {
    let signer: Client;
    const name = (tag: string): string => `${world.registry.host}/signed/app:${tag}`;

    before(() => {
      signer = world.user("signer");
      const auth = Buffer.from("jeff:password").toString("base64");
      writeFileSync(
        join(signer.dockerConfig, "config.json"),
        JSON.stringify({ auths: { [world.registry.host]: { auth } } }),
      );
    });

    it("pushes the local image first, and makes its signer", async () => {
      await signer.dockerOk(["tag", "made:one", name("v1")]);
      const { stdout, stderr } = await signer.tagsealOk(["trust", "sign", name("v1")]);
      assert.match(stderr, newRepository);
      assert.equal(
        stderr.replace(newRepository, ""),
        `Signing and pushing trust data for local image ${name("v1")}, may overwrite remote trust data\n`,
      );
      assert.match(stdout, /^The push refers to repository [^]*\nCreated signer: jeff\n[^]*\nSuccessfully signed /u);
      assert.deepEqual((await dockerInspect(signer, name("v1"))).SignedTags[0]?.Signers, ["jeff"]);
    });

    it("of what is signed already needs no engine; --local pushes what is here", async () => {
      await signer.dockerOk(["tag", "made:two", name("v1")]);
      const env = { DOCKER_HOST: "unix:///nonexistent.sock" };
      const again = await signer.tagsealOk(["trust", "sign", name("v1")], { env });
      assert.match(
        again.stdout,
        /^Signing and pushing trust metadata for \S+\nExisting signatures for tag v1 digest /u,
      );
      await signer.tagsealOk(["trust", "sign", "--local", name("v1")]);
      assert.equal(await signedDigest(signer, name("v1")), two);
      const away = await signer.tagseal(["trust", "sign", "--local", name("v1")], { env });
      assert.match(away.stderr, /^Cannot connect to the Docker daemon at unix:\/\/\/nonexistent\.sock/u);
    });

    it("of what is not here fails in docker's words; without an engine the registry's image is signed", async () => {
      const image = name("elsewhere");
      await world.publish(signer, "one", image, "unsigned");
      await world.forget(image);
      const refused = await signer.tagseal(["trust", "sign", image]);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        new RegExp(`^Error response from daemon: no such image: ${image}: No such image: ${image}\n`, "u"),
      );
      const env = { DOCKER_HOST: "unix:///nonexistent.sock" };
      const { stderr } = await signer.tagsealOk(["trust", "sign", image], { env });
      assert.match(stderr, new RegExp(`${image} is ${one} in the registry now`, "u"));
    });
  });
}
