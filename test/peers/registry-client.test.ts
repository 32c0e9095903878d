/** Our registry client and two registries, Debian's and today's: pushed by us and read by skopeo, and the reverse, byte for byte. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { openDockerArchive } from "../../src/registry/docker-archive.ts";
import { createDockerArchive } from "../../src/registry/docker-archive-sink.ts";
import { pullImage, pushImage } from "../../src/registry/copy.ts";
import type { Credentials } from "../../src/docker-config/credentials.ts";
import { createImageLayout } from "../../src/registry/image-layout-sink.ts";
import { openImageLayout } from "../../src/registry/image-layout.ts";
import { parseManifest } from "../../src/registry/manifest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import {
  layoutBlobs,
  missingPeers,
  type Registry,
  Scope,
  startDockerRegistry,
  startTokenServer,
  writeIndexLayout,
} from "../support/peers.ts";
import { clientOf, contentOf, gathered, refusal } from "../support/registry-story.ts";
import { skopeo, skopeoCopy } from "../support/skopeo.ts";

const registries = [
  { title: "docker-registry", version: 2, peer: "registry" },
  { title: "distribution 3", version: 3, peer: "registry 3" },
] as const;

for (const { title, version, peer } of registries) {
  describe(`the registry client and ${title}`, { skip: missingPeers([peer, "skopeo"]) }, () => {
    const scope = new Scope("registry-client");
    let registry: Registry;
    let layout: string;

    before(async () => {
      registry = await startDockerRegistry(scope, { version });
      layout = (await writeIndexLayout(scope.path("made"), "made")).directory;
    });
    after(async () => await scope.close());

    it("an index pushed by us is what skopeo reads, and pulled by us what skopeo pushed", async (t: TestContext) => {
      const ours = clientOf(t, registry, {}, "ours/app");
      const pushed = await pushImage(await openImageLayout(layout), ours, { tag: "v1" });
      const read = scope.path("read-by-skopeo");
      await skopeoCopy(`docker://${registry.host}/ours/app:v1`, `oci:${read}:v1`);
      assert.deepEqual(layoutBlobs(read), layoutBlobs(layout));

      await skopeoCopy(`oci:${read}:v1`, `docker://${registry.host}/theirs/app:v1`);
      const theirs = clientOf(t, registry, {}, "theirs/app");
      const found = await theirs.resolve("v1");
      assert.equal(found.digest, pushed.digest);
      const copy = scope.path("pulled-by-us");
      await pullImage(theirs, createImageLayout(copy, "v1"), { digest: found.digest, size: found.size });
      assert.deepEqual(layoutBlobs(copy), layoutBlobs(layout));
    });

    it("archives go through both ways: skopeo's docker-archive in, ours out, the same configuration and layers", async (t) => {
      const theirs = scope.path("skopeo.tar");
      await skopeo("--override-arch=amd64", "copy", "-q", `oci:${layout}`, `docker-archive:${theirs}:app:v1`);
      const client = clientOf(t, registry, {}, "archived/app");
      const source = await openDockerArchive(theirs, "app:v1");
      const pushed = await pushImage(source, client, { tag: "v1" });
      const inspected = JSON.parse(
        (await skopeo("inspect", "--tls-verify=false", `docker://${registry.host}/archived/app:v1`)).stdout,
      ) as { Digest: string; Layers: string[] };
      const manifest = parseManifest(source.root.bytes, source.root.descriptor.mediaType);
      assert.ok(manifest.kind === "image");
      assert.equal(inspected.Digest, pushed.digest);
      assert.deepEqual(
        inspected.Layers,
        manifest.layers.map(({ digest }) => digest),
      );

      const ours = scope.path("ours.tar");
      await pullImage(client, createDockerArchive(ours, parseImageReference("app:v2")), { digest: pushed.digest });
      const back = scope.path("back");
      await skopeo("copy", "-q", `docker-archive:${ours}:docker.io/library/app:v2`, `dir:${back}`);
      const copied = JSON.parse(readFileSync(join(back, "manifest.json"), "utf8")) as { config: { digest: string } };
      assert.equal(copied.config.digest, manifest.config.digest);
    });

    it("uploads in chunks, mounts across repositories, finds what is there", async (t) => {
      const blob = contentOf(Buffer.alloc(3_000_000, "chunk"));
      const first = clientOf(t, registry, {}, "chunks/one");
      const seen: number[] = [];
      const options = { chunkBytes: 1_000_000, onProgress: (bytes: number) => seen.push(bytes) };
      assert.equal(await first.pushBlob(blob, options), "uploaded");
      assert.deepEqual(seen, [1_000_000, 2_000_000, 3_000_000]);
      assert.equal(await first.pushBlob(blob), "present");
      const second = clientOf(t, registry, {}, "chunks/two");
      assert.equal(await second.pushBlob(blob, { mountFrom: "chunks/one" }), "mounted");
      assert.equal((await gathered(second.blob(blob.descriptor))).length, 3_000_000);
      const liar = { ...blob, descriptor: contentOf("x".repeat(3_000_000)).descriptor };
      await refusal(second.pushBlob(liar), "REGISTRY_DIGEST_MISMATCH", /DIGEST_INVALID/);
    });

    it("lists tags page by page, deletes, and knows what is missing", async (t) => {
      const client = clientOf(t, registry, {}, "tags/app");
      const source = await openImageLayout(layout);
      for (const tag of ["a", "b", "c"]) await pushImage(source, client, { tag });
      const tags: string[] = [];
      for await (const tag of client.tags()) tags.push(tag);
      assert.deepEqual(tags.toSorted(), ["a", "b", "c"]);
      assert.deepEqual(await client.referrers(source.root.descriptor.digest), []);
      await client.deleteManifest(source.root.descriptor.digest);
      await refusal(client.manifest("a"), "REGISTRY_NOT_FOUND", /MANIFEST_UNKNOWN/);
    });
  });
}

describe("the registry client and docker-registry's tokens", { skip: missingPeers(["registry", "openssl"]) }, () => {
  const scope = new Scope("registry-tokens");
  let registry: Registry;
  let requests: readonly string[];

  before(async () => {
    const service = await startTokenServer(scope, { alice: "wonderland" });
    requests = service.requests;
    const { realm, service: name, issuer, rootcertbundle } = service;
    registry = await startDockerRegistry(scope, { token: { realm, service: name, issuer, rootcertbundle } });
  });
  after(async () => await scope.close());

  const as = (credentials?: Credentials): { credentials: () => Promise<Credentials | undefined> } => ({
    credentials: () => Promise.resolve(credentials),
  });

  it("pushes with the right password, pulls without any, and says what is refused", async (t) => {
    const alice = clientOf(t, registry, as({ kind: "basic", username: "alice", password: "wonderland" }), "app");
    const blob = contentOf("a layer");
    assert.equal(await alice.pushBlob(blob), "uploaded");
    const tokens = requests.length;
    assert.equal(await alice.pushBlob(blob), "present");
    assert.equal(requests.length, tokens, "a token serves for all requests of its scope");
    const reader = clientOf(t, registry, { ...as(), access: "pull" }, "app");
    assert.equal((await gathered(reader.blob(blob.descriptor))).toString(), "a layer");
    await refusal(clientOf(t, registry, as(), "app").pushBlob(contentOf("new")), "AUTHENTICATION_REQUIRED");
    const mallory = clientOf(t, registry, as({ kind: "basic", username: "alice", password: "guess" }), "app");
    await refusal(mallory.pushBlob(contentOf("new")), "AUTHENTICATION_REFUSED");
  });
});
