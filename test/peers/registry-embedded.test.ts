/** The embedded registry as docker and skopeo see it. */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { type RunningRegistry, startRegistry } from "../../src/sandbox/registry/embedded-registry.ts";
import { openDockerArchive } from "../../src/registry/docker-archive.ts";
import { createDockerArchive } from "../../src/registry/docker-archive-sink.ts";
import { pullImage, pushImage } from "../../src/registry/copy.ts";
import { openImageLayout } from "../../src/registry/image-layout.ts";
import { parseManifest } from "../../src/registry/manifest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import {
  buildImage,
  type Client,
  client,
  missingPeers,
  Scope,
  startDockerd,
  writeIndexLayout,
} from "../support/peers.ts";
import { clientOf } from "../support/registry-story.ts";
import { skopeo, skopeoCopy } from "../support/skopeo.ts";

const trustOff = { DOCKER_CONTENT_TRUST: undefined };

describe("skopeo and the embedded registry", { skip: missingPeers(["skopeo"]) }, () => {
  const scope = new Scope("embedded-skopeo");
  let registry: RunningRegistry;

  before(async () => {
    registry = await startRegistry({ directory: scope.path("registry") });
  });
  after(async () => {
    await registry.close();
    await scope.close();
  });

  it("pushes an index, lists its tags, copies it on, reads it back, deletes it", async (t: TestContext) => {
    const { directory, index } = await writeIndexLayout(scope.path("made"), "made");
    const at = (name: string): string => `docker://${registry.host}/${name}`;
    await pushImage(await openImageLayout(directory), clientOf(t, registry, {}, "a/app"), { tag: "v1" });
    await skopeoCopy(at("a/app:v1"), at("b/app:v2"));
    const listed = JSON.parse((await skopeo("list-tags", "--tls-verify=false", at("b/app"))).stdout) as {
      Tags: string[];
    };
    assert.deepEqual(listed.Tags, ["v2"]);
    const raw = await skopeo("inspect", "--raw", "--tls-verify=false", at("b/app:v2"));
    assert.deepEqual(
      JSON.parse(raw.stdout),
      JSON.parse(Buffer.from((await clientOf(t, registry, {}, "a/app").manifest(index.digest)).bytes).toString()),
    );
    await skopeo("delete", "--tls-verify=false", at("b/app:v2"));
    assert.equal(await clientOf(t, registry, {}, "b/app").findManifest("v2"), undefined);
  });
});

describe(
  "docker and the embedded registry",
  { skip: missingPeers(["docker", "dockerd", "busybox", "openssl"]) },
  () => {
    const scope = new Scope("embedded-docker");
    let registry: RunningRegistry;
    let docker: Client;

    before(async () => {
      registry = await startRegistry({ directory: scope.path("registry") });
      docker = client(scope, { engine: await startDockerd(scope) });
      await buildImage(scope, docker, "made:one", "one");
    });
    after(async () => {
      await registry.close();
      await scope.close();
    });

    const image = async (format: string, name: string): Promise<string> =>
      (await docker.dockerOk(["image", "inspect", "-f", format, name], { env: trustOff })).stdout.trim();

    it("what docker pushed comes back to docker as the same image, and is what we read", async (t) => {
      const name = `${registry.host}/team/app:1`;
      const id = await image("{{.Id}}", "made:one");
      await docker.dockerOk(["tag", "made:one", name], { env: trustOff });
      await docker.dockerOk(["push", "-q", name], { env: trustOff });
      const client = clientOf(t, registry);
      const { descriptor, bytes } = await client.manifest("1");
      const manifest = parseManifest(bytes, descriptor.mediaType);
      assert.equal(manifest.kind === "image" && manifest.config.digest, id);
      await docker.dockerOk(["rmi", "-f", name, "made:one"], { env: trustOff });
      await docker.dockerOk(["pull", "-q", `${registry.host}/team/app@${descriptor.digest}`], { env: trustOff });
      assert.equal(await image("{{.Id}}", `${registry.host}/team/app@${descriptor.digest}`), id);
      await docker.dockerOk(["tag", id, "made:one"], { env: trustOff });
    });

    it("docker save in, docker load out: the same image each time", async (t) => {
      const saved = scope.path("saved.tar");
      const id = await image("{{.Id}}", "made:one");
      await docker.dockerOk(["save", "-o", saved, "made:one"], { env: trustOff });
      const client = clientOf(t, registry, {}, "saved/app");
      const pushed = await pushImage(await openDockerArchive(saved, "made:one"), client, { tag: "1" });
      const ours = scope.path("ours.tar");
      await pullImage(client, createDockerArchive(ours, parseImageReference("loaded:two")), { digest: pushed.digest });
      const loaded = await docker.dockerOk(["load", "-i", ours], { env: trustOff });
      assert.match(loaded.stdout, /Loaded image: loaded:two/);
      assert.equal(await image("{{.Id}}", "loaded:two"), id);
    });

    it("an image pushed by docker, gzipped layers and all, loads from our archive", async (t) => {
      const name = `${registry.host}/gzip/app:1`;
      await docker.dockerOk(["tag", "made:one", name], { env: trustOff });
      await docker.dockerOk(["push", "-q", name], { env: trustOff });
      const client = clientOf(t, registry, {}, "gzip/app");
      const { digest, size } = await client.resolve("1");
      const file = scope.path("gzip.tar");
      await pullImage(client, createDockerArchive(file, parseImageReference("loaded:gzip")), { digest, size });
      await docker.dockerOk(["load", "-i", file], { env: trustOff });
      assert.equal(await image("{{.Id}}", "loaded:gzip"), await image("{{.Id}}", "made:one"));
    });
  },
);
