/** Images as `docker build`, `docker save` and skopeo make them, moved by the command line and compared byte for byte. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { signedDigest, trustOff, trustOn } from "../support/docker-words.ts";
import {
  buildImage,
  client,
  layoutBlobs,
  missingPeers,
  runOk,
  Scope,
  startDockerd,
  startDockerRegistry,
  startTagsealServer,
  writeIndexLayout,
  type Client,
  type Registry,
} from "../support/peers.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "skopeo", "openssl", "busybox"]);

const skopeo = (...args: string[]): ReturnType<typeof runOk> => runOk("skopeo", ["--insecure-policy", ...args]);

describe("real images", { skip: missing }, () => {
  const scope = new Scope("images");
  let registry: Registry;
  let publisher: Client;
  let reader: Client;

  before(async () => {
    const [server, engine, started] = await Promise.all([
      startTagsealServer(scope),
      startDockerd(scope),
      startDockerRegistry(scope),
    ]);
    registry = started;
    publisher = client(scope, { server, engine, name: "publisher" });
    reader = client(scope, { server, engine, name: "reader" });
    await buildImage(scope, publisher, "made:one", "one");
    await publisher.dockerOk(["save", "-o", scope.path("saved.tar"), "made:one"]);
  });
  after(async () => await scope.close());

  async function imageId(name: string): Promise<string> {
    return (await reader.dockerOk(["image", "inspect", "-f", "{{.Id}}", name], { env: trustOff })).stdout.trim();
  }

  it("docker save, pushed by us, is the image docker built", async () => {
    const name = `${registry.host}/saved/app:v1`;
    await publisher.tagsealOk(["push", "--from", `docker-archive:${scope.path("saved.tar")}`, name]);
    await reader.dockerOk(["pull", name], { env: trustOn });
    assert.equal(await imageId(`${name}@${await signedDigest(reader, name)}`), await imageId("made:one"));
  });

  it("docker push, pulled by us into an archive, loads as the same image", async () => {
    const name = `${registry.host}/pushed/app:v1`;
    await publisher.dockerOk(["tag", "made:one", name]);
    await publisher.dockerOk(["push", name], { env: trustOn });
    const archive = scope.path("pulled.tar");
    await reader.tagsealOk(["pull", "--to", `docker-archive:${archive}`, name]);
    const made = await imageId("made:one");
    await reader.dockerOk(["rmi", "-f", made], { env: trustOff });
    await reader.dockerOk(["load", "-i", archive]);
    assert.equal(await imageId(name), made);
    await reader.dockerOk(["tag", name, "made:one"]);
  });

  it("skopeo's OCI layout goes through the registry and back without a changed byte", async () => {
    const name = `${registry.host}/skopeo/app:v1`;
    const layout = scope.path("skopeo");
    await skopeo("copy", "-q", `docker-archive:${scope.path("saved.tar")}`, `oci:${layout}:v1`);
    await publisher.tagsealOk(["push", "--from", `oci:${layout}`, name]);
    await skopeo("copy", "-q", "--src-tls-verify=false", `docker://${name}`, `oci:${scope.path("theirs")}:v1`);
    await reader.tagsealOk(["pull", "--to", `oci:${scope.path("ours")}`, name]);
    assert.deepEqual(layoutBlobs(scope.path("theirs")), layoutBlobs(layout));
    assert.deepEqual(layoutBlobs(scope.path("ours")), layoutBlobs(layout));
  });

  it("I5: an index is signed, pushed and pulled as a whole, and a platform is found inside it", async () => {
    const name = `${registry.host}/index/app:v1`;
    const made = await writeIndexLayout(scope.path("index"), "many");
    await publisher.tagsealOk(["push", "--from", `oci:${made.directory}`, name]);
    const raw = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${name}`);
    assert.equal(createHash("sha256").update(raw.stdout).digest("hex"), made.index.digest.replace("sha256:", ""));
    assert.match((await reader.tagsealOk(["verify", name])).stdout, new RegExp(made.index.digest, "u"));
    for (const [platform, digest] of made.platforms) {
      const verified = await reader.tagsealOk(["verify", "--platform", platform, name]);
      assert.match(verified.stdout, new RegExp(digest, "u"));
    }
    const absent = await reader.tagseal(["verify", "--platform", "linux/s390x", name]);
    assert.match(absent.stderr, /PLATFORM_NOT_FOUND/u);
    await reader.tagsealOk(["pull", "--to", `oci:${scope.path("index-pulled")}`, name]);
    assert.deepEqual(layoutBlobs(scope.path("index-pulled")), layoutBlobs(made.directory));
  });

  it("I5: a layer changed in the registry's own storage is refused, and nothing half-written is left", async () => {
    const name = `${registry.host}/tampered/app:v1`;
    await publisher.dockerOk(["tag", "made:one", name]);
    await publisher.dockerOk(["push", name], { env: trustOn });
    const raw = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${name}`);
    const { layers } = JSON.parse(raw.stdout) as { layers: { digest: string }[] };
    const hex = layers[0]?.digest.replace("sha256:", "") ?? "";
    const blob = join(registry.storage, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
    const bytes = readFileSync(blob);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(blob, bytes);
    const refused = await reader.tagseal(["pull", "--to", `docker-archive:${scope.path("tampered.tar")}`, name]);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /REGISTRY_DIGEST_MISMATCH/u);
    assert.ok(!readdirSync(scope.directory).includes("tampered.tar"));
  });
});
