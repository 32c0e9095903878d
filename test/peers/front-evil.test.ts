/**
 * docker-shaped commands against a registry and a trust server that lie. Whatever they answer, nothing but the signed image is pulled, made into a
 * container, run or built upon, and nothing is signed that was not pushed.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { startRegistry, type RunningRegistry } from "../../src/sandbox/registry/embedded-registry.ts";
import type { RegistryHooks, ServedManifest } from "../../src/sandbox/registry/registry-hooks.ts";
import { trustOn } from "../support/docker-words.ts";
import { startEvilTrustServer, type EvilTrustServer } from "../support/evil-trust-server.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, writeLayout, type Client } from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";
import { type Answer, recorder, type Tampering } from "../trust/tampering-proxy.ts";

const missing = missingPeers(["docker", "dockerd", "openssl", "busybox"]);
const day = 24 * 3600 * 1000;
const honest: Tampering = async (_, forward) => await forward();

/** The ways to use an image, and what each leaves behind when it works. */
const uses = ["pull", "create", "run", "build"] as const;
type Use = (typeof uses)[number];

describe("a registry and a trust server that lie", { skip: missing }, () => {
  const scope = new Scope("front-evil");
  let world: FrontWorld;
  let registry: RunningRegistry;
  let server: EvilTrustServer;
  let hooks: RegistryHooks;
  let count = 0;

  before(async () => {
    registry = await startRegistry({ directory: scope.path("registry"), hooks: {} });
    scope.defer(() => registry.close());
    ({ hooks } = registry);
    server = await startEvilTrustServer(scope);
    world = await startFrontWorld(scope, { registry, server });
  });
  after(async () => await scope.close());
  beforeEach(() => {
    Object.assign(hooks, { intercept: undefined, manifest: undefined, blob: undefined });
    server.tamper = honest;
  });

  const newUser = (): Client => world.user(`user-${(count += 1)}`);

  function argumentsFor(use: Use, image: string): string[] {
    if (use === "build") return ["build", "-q", "-t", "built:here", "-"];
    return use === "run" ? ["run", "--rm", "--network", "none", image] : [use, image];
  }

  function call(use: Use, user: Client, image: string): Promise<Finished> {
    const input = use === "build" ? `FROM ${image}\nLABEL built=here\n` : "";
    return user.tagseal(argumentsFor(use, image), { env: trustOn, input });
  }

  /** The same in this process, on a day to come. */
  async function callInDays(days: number, use: Use, user: Client, image: string): Promise<Finished> {
    const now = (): Date => new Date(Date.now() + days * day);
    const env = { PATH: process.env["PATH"], ...user.env, ...trustOn };
    const { io, stdout, stderr } = captured({ env, now });
    const args = use === "build" ? ["build", "-q", "-t", "built:here", fromFile(image)] : argumentsFor(use, image);
    return { code: await main(args, io), stdout: stdout(), stderr: stderr() };
  }

  /** A build context whose Dockerfile begins with the image. */
  function fromFile(image: string): string {
    const directory = scope.path(`context-of-${(count += 1)}`);
    mkdirSync(directory);
    writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\n`);
    return directory;
  }

  /** The use fails for this reason, and leaves nothing: no image, no name, no container, no output. */
  async function refuses(use: Use, user: Client, image: string, reason: RegExp, how = call): Promise<void> {
    await world.forgetBelow(registry.host);
    const before = await user.dockerOk(["ps", "-aq"]);
    const finished = await how(use, user, image);
    assert.notEqual(finished.code, 0, `${use}: ${finished.stdout}`);
    assert.match(finished.stderr, reason, use);
    assert.doesNotMatch(finished.stdout, /image (?:one|two)/u);
    assert.equal(await world.imageId(image), undefined, use);
    assert.equal(await world.imageId("built:here"), undefined, use);
    assert.equal((await user.dockerOk(["ps", "-aq"])).stdout, before.stdout, use);
  }

  /** The use works, with the image called `label`. */
  async function accepts(use: Use, user: Client, image: string, label: string): Promise<void> {
    const finished = await call(use, user, image);
    assert.equal(finished.code, 0, `${use}: ${finished.stderr}`);
    if (use === "run") return assert.equal(finished.stdout, `image ${label}\n`);
    const made = use === "build" ? "built:here" : use === "create" ? finished.stdout.trim() : image;
    const inspected = await user.dockerOk(["inspect", "-f", "{{.Config.Labels.build}}", made]);
    assert.equal(inspected.stdout.trim(), label, use);
    await user.docker(["rmi", "-f", "built:here"]);
  }

  /** An image no engine has seen: signed, with a separate layer. */
  async function unseen(name: string): Promise<{ image: string; manifest: string; layer: string }> {
    const image = `${registry.host}/${name}/app:v1`;
    const layout = await writeLayout(scope.path(name), name);
    await newUser().tagsealOk(["push", "--from", `oci:${layout.directory}`, image]);
    return { image, manifest: layout.manifest.digest, layer: layout.layer.digest };
  }

  describe("I5: the registry", () => {
    it("moves a tag: what was signed is used, by its digest", async () => {
      const image = `${registry.host}/moved/app:v1`;
      const publisher = newUser();
      await world.publish(publisher, "one", image);
      await world.publish(publisher, "two", image, "unsigned");
      for (const use of uses) {
        await world.forgetBelow(registry.host);
        await accepts(use, newUser(), image, "one");
      }
    });

    it("serves another manifest under the signed digest, larger, smaller or of another image", async () => {
      const { image, manifest } = await unseen("manifest");
      const other = await unseen("other-manifest");
      const bytesOf = (digest: string, directory: string): Buffer =>
        readFileSync(join(scope.path(directory), "blobs", "sha256", digest.replace("sha256:", "")));
      const own = bytesOf(manifest, "manifest");
      const lies: readonly Buffer[] = [
        Buffer.concat([own, Buffer.from("\n")]),
        own.subarray(0, -1),
        bytesOf(other.manifest, "other-manifest"),
      ];
      for (const [index, use] of uses.entries()) {
        const bytes = lies[index % lies.length] ?? own;
        hooks.manifest = ({ stored }): ServedManifest | undefined =>
          stored === undefined ? stored : { ...stored, bytes };
        await refuses(use, newUser(), image, /digest|manifest|REGISTRY|match/iu);
      }
      hooks.manifest = undefined;
      await newUser().tagsealOk(["pull", image], { env: trustOn });
    });

    it("serves another layer", async () => {
      const { image, layer } = await unseen("layer");
      hooks.blob = ({ digest, size }) => (digest === layer ? Buffer.alloc(size, "x") : undefined);
      for (const use of uses) await refuses(use, newUser(), image, /verification failed|digest/iu);
      hooks.blob = undefined;
      await newUser().tagsealOk(["pull", image], { env: trustOn });
    });

    it("has lost the signed image: nothing else takes its place", async () => {
      const { image, manifest } = await unseen("lost");
      hooks.manifest = ({ tagOrDigest, stored }) => (tagOrDigest === manifest ? undefined : stored);
      for (const use of uses) await refuses(use, newUser(), image, /not found|unknown/iu);
    });

    it("has an unsigned tag", async () => {
      const image = `${registry.host}/unsigned/app:v1`;
      const publisher = newUser();
      await world.publish(publisher, "one", image);
      const unsigned = image.replace(":v1", ":v2");
      await world.publish(publisher, "two", unsigned, "unsigned");
      for (const use of uses) await refuses(use, newUser(), unsigned, /No valid trust data for v2/u);
    });
  });

  describe("I5: the engine's own names", () => {
    let image: string;
    let digests: { readonly one: string; readonly two: string };

    before(async () => {
      image = `${registry.host}/names/app:v1`;
      const publisher = newUser();
      const one = await world.publish(publisher, "one", image);
      digests = { one, two: await world.publish(publisher, "two", image.replace(":v1", ":v2"), "unsigned") };
    });

    it("mean nothing: a local tag that was moved is not what runs", async () => {
      for (const use of uses) {
        const user = newUser();
        await user.dockerOk(["tag", "made:two", image]);
        await accepts(use, user, image, "one");
        await user.dockerOk(["tag", "made:two", image]);
        await accepts(use, user, image, "one");
      }
    });

    it("name:tag@digest is taken when the tag is signed for that digest, and refused when it is not", async () => {
      for (const use of uses) await accepts(use, newUser(), `${image}@${digests.one}`, "one");
      for (const use of uses) {
        const finished = await call(use, newUser(), `${image}@${digests.two}`);
        assert.notEqual(finished.code, 0, use);
        assert.match(finished.stderr, /TAG_DIGEST_MISMATCH/u, use);
      }
    });
  });

  describe("the trust server", () => {
    it("I3: goes back to what it said before", async () => {
      const image = `${registry.host}/rollback/app:v1`;
      const publisher = newUser();
      await world.publish(publisher, "one", image);
      const readers = uses.map((use) => ({ use, user: newUser() }));
      const { record, replay } = recorder();
      server.tamper = record;
      await newUser().tagsealOk(["pull", image], { env: trustOn });
      server.tamper = honest;
      await world.publish(publisher, "two", image);
      for (const { use, user } of readers) await accepts(use, user, image, "two");
      server.tamper = replay;
      for (const { use, user } of readers) await refuses(use, user, image, /METADATA_VERSION_ROLLBACK/u);
    });

    it("I4: says for ever what has expired", async () => {
      const image = `${registry.host}/frozen/app:v1`;
      await world.publish(newUser(), "one", image);
      const later = (days: number) => (use: Use, user: Client, name: string) => callInDays(days, use, user, name);
      for (const use of uses) await refuses(use, newUser(), image, /METADATA_EXPIRED/u, later(15));
      const seen = newUser();
      assert.equal((await callInDays(13, "pull", seen, image)).code, 0);
      await refuses("pull", seen, image, /METADATA_EXPIRED/u, later(15));
    });

    it("answers with another repository's files", async () => {
      const mine = `${registry.host}/mine/app:v1`;
      await world.publish(newUser(), "one", mine);
      await world.publish(newUser(), "two", mine.replace("/mine/", "/them/"));
      const theirs = `${server.honestUrl}/v2/${registry.host}/them/app/_trust/tuf/`;
      server.tamper = async ({ file }) => {
        const answer = await fetch(theirs + file);
        return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
      };
      for (const use of uses) await refuses(use, newUser(), mine, /ROOT_INVALID|METADATA/u);
    });

    it("answers with rubbish, or not at all, and nothing falls back to the unsigned tag", async () => {
      const image = `${registry.host}/rubbish/app:v1`;
      await world.publish(newUser(), "one", image);
      const lies: readonly Tampering[] = [
        async () => ({ status: 200, body: Buffer.from("<html>") }),
        async () => "cut",
        async () => ({ status: 503, body: Buffer.of() }),
        async () => ({ status: 401, body: Buffer.of() }),
      ];
      for (const [index, use] of uses.entries()) {
        server.tamper = lies[index] ?? honest;
        await refuses(use, newUser(), image, /\[[A-Z_]+\]/u);
      }
    });
  });

  describe("a push", () => {
    async function push(user: Client, label: string, image: string): Promise<Finished> {
      await user.dockerOk(["tag", `made:${label}`, image]);
      return await user.tagseal(["push", image], { env: trustOn });
    }

    async function tagsOf(repository: string): Promise<string[]> {
      const { code, stdout } = await newUser().tagseal(["list", "--json", repository]);
      return code === 0 ? (JSON.parse(stdout) as { tag: string }[]).map(({ tag }) => tag) : [];
    }

    it("signs nothing when the registry serves something else than was pushed, or nothing", async () => {
      const image = `${registry.host}/swapped/app:v1`;
      const lies: readonly RegistryHooks["manifest"][] = [
        ({ stored }) =>
          stored === undefined ? stored : { ...stored, bytes: Buffer.concat([stored.bytes, Buffer.of(10)]) },
        () => undefined,
      ];
      for (const lie of lies) {
        const user = newUser();
        hooks.manifest = lie;
        const finished = await push(user, "one", image);
        assert.equal(finished.code, 1, finished.stdout);
        assert.doesNotMatch(finished.stdout, /Successfully signed/u);
        hooks.manifest = undefined;
        assert.deepEqual(await tagsOf(image.replace(":v1", "")), []);
      }
    });

    it("that is not published says so, shows how to finish, and leaves nothing for the next push to sign", async () => {
      const repository = `${registry.host}/unpublished/app`;
      const user = newUser();
      assert.equal((await push(user, "one", `${repository}:v1`)).code, 0);
      const lies: readonly Tampering[] = [
        async ({ method }, forward) => (method === "POST" ? { status: 200, body: Buffer.of() } : await forward()),
        async ({ method }, forward) => (method === "POST" ? "cut" : await forward()),
        async ({ method }, forward) => (method === "POST" ? { status: 500, body: Buffer.of() } : await forward()),
      ];
      for (const lie of lies) {
        server.tamper = lie;
        const finished = await push(user, "two", `${repository}:v2`);
        assert.equal(finished.code, 1, finished.stdout);
        assert.doesNotMatch(finished.stdout, /Successfully signed/u);
        assert.match(finished.stderr, /^failed to sign /u);
        assert.match(finished.stderr, /finish with: tagseal sign \S+:v2@sha256:[0-9a-f]{64}/u);
      }
      server.tamper = honest;
      assert.equal((await push(user, "one", `${repository}:v3`)).code, 0);
      assert.deepEqual(await tagsOf(repository), ["v1", "v3"]);
    });

    it("I3: to a server that went back is refused, and the old state is not signed again", async () => {
      const repository = `${registry.host}/pushed-back/app`;
      const user = newUser();
      assert.equal((await push(user, "one", `${repository}:v1`)).code, 0);
      const answers = new Map<string, Answer>();
      server.tamper = async ({ file }, forward) => {
        const answer = await forward();
        answers.set(file, answer);
        return answer;
      };
      await newUser().tagsealOk(["pull", `${repository}:v1`], { env: trustOn });
      server.tamper = honest;
      assert.equal((await push(user, "two", `${repository}:v2`)).code, 0);
      server.tamper = async ({ method, file }, forward) =>
        method === "POST" ? await forward() : (answers.get(file) ?? { status: 404, body: Buffer.of() });
      const finished = await push(user, "two", `${repository}:v3`);
      assert.equal(finished.code, 1);
      assert.match(finished.stderr, /METADATA_VERSION_ROLLBACK/u);
      server.tamper = honest;
      assert.deepEqual(await tagsOf(repository), ["v1", "v2"]);
    });
  });
});
