/** docker, podman and skopeo push through a gateway to a real registry that wants passwords; readers get what is signed, once it is. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { gatewayStory, type LogLine } from "../support/gateway-story.ts";
import { trustOn } from "../support/docker-words.ts";
import { containersSettings } from "../../src/gateway/engine-settings/containers-settings.ts";
import { captured } from "../../src/cli/captured-io.ts";
import { openTrust } from "../../src/cli/open/trust.ts";
import {
  client,
  type Finished,
  freePort,
  layoutBlobs,
  missingPeers,
  type Registry,
  run,
  runOk,
  Scope,
  startDockerd,
  startDockerRegistry,
  startTagsealServer,
  waitUntil,
  writeLayout,
} from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Environment } from "../support/processes.ts";
import { alice, basic, bob, openedWith } from "../support/push-story.ts";
import { parseDigest } from "../../src/reference/digest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";

const skip = missingPeers(["docker", "dockerd", "registry", "skopeo", "podman"]);

/** What a gateway is told that takes pushes for a registry. */
function pushing(registry: string) {
  const rules = { [registry]: { firstUse: true, digests: "signed" } };
  return { registry, upstreams: [registry], passThrough: [registry], pushes: {}, rules, refreshMs: 500 };
}

describe("pushes of real clients through a gateway", { skip }, () => {
  const scope = new Scope("gateway-pushes");
  const story = gatewayStory();
  let registry: Registry;
  let host: string;
  let lines: readonly LogLine[];
  let docker: Environment;
  let podman: Environment;

  before(async () => {
    const htpasswd = ["alice", "bob"].map((user) => `${user}:${hashSync("right", 4)}\n`).join("");
    registry = await startDockerRegistry(scope, { htpasswd });
    const gateway = await story.gateway({ ...pushing(registry.host), openUpstream: openedWith() });
    ({ host } = new URL(gateway.url));
    ({ lines } = gateway);
    const engine = await startDockerd(scope);
    docker = { DOCKER_HOST: engine.host, DOCKER_CONFIG: configFor("alice"), HOME: scope.directory };
    podman = { ...podmanEnvironment(scope, [host]), REGISTRY_AUTH_FILE: join(configFor("alice"), "config.json") };
  });
  after(async () => await scope.close());

  /** docker's configuration of a user who is logged in to the gateway. */
  function configFor(user: string): string {
    const directory = scope.path(`config-${user}`);
    mkdirSync(directory, { recursive: true });
    const auths = { [host]: { auth: basic(user).slice("Basic ".length) } };
    writeFileSync(join(directory, "config.json"), JSON.stringify({ auths }));
    return directory;
  }

  /** What the registry itself has. */
  async function stored(repository: string, tag: string): Promise<{ digest: string; length: number } | undefined> {
    const accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
    const url = `${registry.url}/v2/${repository}/manifests/${tag}`;
    const { headers, status } = await fetch(url, { method: "HEAD", headers: { accept, authorization: alice } });
    const digest = headers.get("docker-content-digest");
    return status === 200 && digest !== null ? { digest, length: Number(headers.get("content-length")) } : undefined;
  }

  async function sign(repository: string, { digest, length }: { digest: string; length: number }): Promise<void> {
    const reference = parseImageReference(`${registry.host}/${repository}`);
    const publisher = await (await story.trust.person()).open(repository, { reference });
    await signTags(publisher, [{ tag: "v1", digest: parseDigest(digest), length }]);
  }

  async function inspected(image: string, login: string): Promise<Finished> {
    const as = ["--creds", Buffer.from(login.slice("Basic ".length), "base64").toString()];
    return await run("skopeo", [
      "--insecure-policy",
      "inspect",
      "--no-tags",
      "--tls-verify=false",
      ...as,
      `docker://${image}`,
    ]);
  }

  const pushes: Readonly<Record<string, (image: string) => Promise<void>>> = {
    async docker(image) {
      const root = scope.path("root");
      mkdirSync(root, { recursive: true });
      // several megabytes that do not compress, so that docker sends more than one piece
      await runOk("bash", [
        "-ec",
        `head -c 6000000 /dev/urandom > ${root}/file && tar -C ${root} -cf ${root}.tar file`,
      ]);
      await runOk("docker", ["import", `${root}.tar`, image], { env: docker });
      await runOk("docker", ["push", image], { env: docker });
      // once more: docker asks what is there, and sends nothing
      assert.match((await runOk("docker", ["push", image], { env: docker })).stdout, /Layer already exists/u);
    },
    async podman(image) {
      await runOk("podman", ["import", scope.path("root.tar"), image], { env: podman });
      await runOk("podman", ["push", image], { env: podman });
    },
    async skopeo(image) {
      const layout = scope.path("layout");
      mkdirSync(layout, { recursive: true });
      await writeLayout(layout, "skopeo");
      const to = ["--dest-tls-verify=false", "--dest-creds", "alice:right", "--preserve-digests", `oci:${layout}`];
      await runOk("skopeo", ["--insecure-policy", "copy", ...to, `docker://${image}`]);
      // once more: it asks what is there
      await runOk("skopeo", ["--insecure-policy", "copy", ...to, `docker://${image}`]);
    },
  };

  for (const [tool, push] of Object.entries(pushes))
    it(`I1: what ${tool} pushed is refused before it is signed, and served afterwards, byte for byte`, async () => {
      const repository = `team/${tool}`;
      const image = `${host}/${repository}:v1`;
      await push(image);
      const found = (await stored(repository, "v1")) ?? assert.fail("it did not reach the registry");
      for (const login of [alice, bob]) {
        const { code, stderr } = await inspected(image, login);
        assert.notEqual(code, 0);
        assert.match(stderr, /denied: /u);
      }
      await sign(repository, found);
      await waitUntil("the gateway serves it", async () => (await inspected(image, bob)).code === 0, 10_000);
      const copy = scope.path(`copy-${tool}`);
      const from = ["--src-tls-verify=false", "--src-creds", "bob:right", "--preserve-digests", `docker://${image}`];
      await runOk("skopeo", ["--insecure-policy", "copy", ...from, `dir:${copy}`]);
      const events = lines.filter(
        ({ event, image: about }) => event === "pushed" && String(about).includes(repository),
      );
      assert.ok(
        events.some(
          ({ kind, publisher, digest }) => kind === "manifest" && publisher === "alice" && digest === found.digest,
        ),
      );
      if (tool === "skopeo") assert.ok(layoutBlobs(scope.path("layout")).has(found.digest.slice("sha256:".length)));
    });

  it("podman's tools find the registry behind its own name, with the settings that are written for them", async () => {
    const target = { gateway: new URL(`http://${host}`), registries: [registry.host] };
    const settings = containersSettings(target).files.find(({ path }) => path.endsWith(".conf"));
    const file = scope.path("through-the-gateway.conf");
    writeFileSync(file, settings?.content ?? "");
    const through = async (image: string): Promise<Finished> => {
      const words = ["--insecure-policy", "--registries-conf", file, "inspect", "--no-tags"];
      const login = ["--authfile", join(configFor("bob"), "config.json")];
      return await run("skopeo", [...words, ...login, `docker://${registry.host}/${image}`]);
    };
    const { code, stdout, stderr } = await through("team/skopeo:v1");
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp((await stored("team/skopeo", "v1"))?.digest ?? "none", "u"));
    assert.match((await through("team/none:v1")).stderr, /_\d+\/team\/none: manifest unknown/u);
  });

  it("docker is told that it must log in, and pulls what it pushed once it is signed", async () => {
    const image = `${host}/team/docker:v1`;
    const stranger = { ...docker, DOCKER_CONFIG: scope.path("nobody") };
    await runOk("docker", ["tag", image, `${host}/team/new:v1`], { env: docker });
    const refused = await run("docker", ["push", `${host}/team/new:v1`], { env: stranger });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /denied: requested access to the resource is denied/u);
    assert.equal(await stored("team/new", "v1"), undefined);
    await runOk("docker", ["rmi", "-f", image, `${host}/team/new:v1`], { env: docker });
    await runOk("docker", ["pull", image], { env: { ...docker, DOCKER_CONFIG: configFor("bob") } });
  });

  it("I1: docker's content trust signs what is pushed to the gateway under the registry's own name", async () => {
    const server = await startTagsealServer(scope);
    const port = await freePort();
    const own = `127.0.0.1:${port}`;
    const { io } = captured({ env: client(scope, { server, name: "gateway" }).env, now: () => new Date() });
    await story.gateway({
      ...pushing(own),
      port,
      // as the gateway's machine finds the registry behind its name
      openUpstream: async (name, access) => await openedWith()({ ...name, registry: registry.host }, access),
      openTrust: async (requirements) =>
        await openTrust(io, requirements.reference, { access: "read", requirements, notify: () => undefined }),
    });
    const user = client(scope, { server, name: "publisher", env: { DOCKER_HOST: docker["DOCKER_HOST"] } });
    const image = `${own}/team/trusted:v1`;
    await user.dockerOk(["login", "-u", "alice", "--password-stdin", own], { input: "right" });
    await user.dockerOk(["tag", `${host}/team/docker:v1`, image]);
    await user.dockerOk(["push", image]);
    assert.match((await inspected(image, alice)).stderr, /denied: .*does not have trust data/u);
    assert.match((await user.dockerOk(["push", image], { env: trustOn })).stdout, /Successfully signed /u);
    await waitUntil("the gateway serves it", async () => (await inspected(image, bob)).code === 0, 10_000);
    await user.dockerOk(["rmi", "-f", image]);
    await user.dockerOk(["pull", image], { env: trustOn });
  });

  it("blobs are mounted from another repository, as docker asks for it", async () => {
    const from = `${host}/team/docker:v1`;
    const image = `${host}/team/mounted:v1`;
    await runOk("docker", ["tag", from, image], { env: docker });
    const { stdout } = await runOk("docker", ["push", image], { env: docker });
    assert.match(stdout, /Mounted from team\/docker/u);
    assert.ok(lines.some(({ event, mounted }) => event === "pushed" && mounted === true));
  });
});
