/** Images for several platforms: the index is what is signed, and every platform in it is covered. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { startRegistry, type RunningRegistry } from "../../src/sandbox/registry/embedded-registry.ts";
import { trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { missingPeers, Scope, writeIndexLayout, type Client, type LayoutIndex } from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";

const missing = missingPeers(["docker", "dockerd", "openssl", "busybox"]);

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

describe("I5: an image for several platforms", { skip: missing }, () => {
  const scope = new Scope("front-platforms");
  let world: FrontWorld;
  let registry: RunningRegistry;
  let user: Client;
  let image: string;
  let made: LayoutIndex;
  let count = 0;

  before(async () => {
    registry = await startRegistry({ directory: scope.path("registry"), hooks: {} });
    scope.defer(() => registry.close());
    world = await startFrontWorld(scope, { registry, labels: [] });
    user = world.user("user");
  });
  after(async () => await scope.close());
  // An engine keeps every index it has verified, so each story has one that no engine has seen.
  beforeEach(async () => {
    registry.hooks.manifest = undefined;
    await world.forgetBelow(registry.host);
    ({ image, made } = await published());
  });

  async function published(): Promise<{ image: string; made: LayoutIndex }> {
    count += 1;
    const name = `${registry.host}/platforms/app-${count}:v1`;
    const layout = await writeIndexLayout(scope.path(`layout-${count}`), `content ${count}`);
    await user.tagsealOk(["push", "--from", `oci:${layout.directory}`, name]);
    return { image: name, made: layout };
  }

  const pull = (platform: string): Promise<Finished> =>
    user.tagseal(["pull", "--platform", platform, image], { env: trustOn });

  /** What the registry says in the index's place, wherever the index is asked for. */
  function serveIndex(change: (index: Index) => Index): void {
    registry.hooks.manifest = ({ stored }) => {
      if (stored?.digest !== made.index.digest) return stored;
      const index = JSON.parse(Buffer.from(stored.bytes).toString()) as Index;
      return { ...stored, bytes: Buffer.from(JSON.stringify(change(index))) };
    };
  }

  for (const [platform, architecture] of [
    ["linux/amd64", "amd64"],
    ["linux/arm64", "arm64"],
    ["linux/arm64/v8", "arm64"],
  ] as const) {
    it(`is pulled for ${platform} by the signed digest of the index, by us and by docker 28`, async () => {
      for (const command of ["tagseal", "docker"] as const) {
        await world.forgetBelow(registry.host);
        const finished = await user[command](["pull", "--platform", platform, image], { env: trustOn });
        assert.equal(finished.code, 0, finished.stderr);
        assert.match(finished.stdout, new RegExp(`${image}@${made.index.digest}`, "u"));
        const { stdout } = await user.dockerOk(["image", "inspect", "-f", "{{.Architecture}}", image]);
        assert.equal(stdout.trim(), architecture);
      }
    });
  }

  it("is created for a platform, and for another one from the same index", async () => {
    for (const architecture of ["amd64", "arm64"]) {
      // docker's classic image store keeps one platform of a digest at a time.
      await world.forgetBelow(registry.host);
      const args = ["create", "--platform", `linux/${architecture}`, image, "/content.txt"];
      const created = await user.tagseal(args, { env: trustOn });
      assert.equal(created.code, 0, created.stderr);
      const { stdout } = await user.dockerOk(["inspect", "-f", "{{.Image}}", created.stdout.trim()]);
      const inspected = await user.dockerOk(["image", "inspect", "-f", "{{.Architecture}}", stdout.trim()]);
      assert.equal(inspected.stdout.trim(), architecture);
    }
  });

  it("of which a platform was dropped is refused, for that platform and for the others", async () => {
    serveIndex((index) => ({
      ...index,
      manifests: index.manifests.filter(({ platform }) => platform.architecture === "amd64"),
    }));
    for (const platform of ["linux/arm64", "linux/amd64"]) {
      const finished = await pull(platform);
      assert.notEqual(finished.code, 0, `${platform}: ${finished.stdout}`);
      assert.equal(await world.imageId(image), undefined);
    }
  });

  it("of which a platform was swapped for another image is refused", async () => {
    const other = await published();
    const stolen = other.made.platforms.get("linux/arm64/v8") ?? "";
    serveIndex((index) => ({
      ...index,
      manifests: index.manifests.map((entry) =>
        entry.platform.architecture === "arm64" ? { ...entry, digest: stolen } : entry,
      ),
    }));
    for (const platform of ["linux/arm64", "linux/amd64"]) {
      const finished = await pull(platform);
      assert.notEqual(finished.code, 0, `${platform}: ${finished.stdout}`);
      assert.equal(await world.imageId(image), undefined);
    }
    const created = await user.tagseal(["create", "--platform", "linux/arm64", image], { env: trustOn });
    assert.notEqual(created.code, 0);
  });

  it("whose platforms were exchanged behind honest digests is refused", async () => {
    const [amd64 = "", arm64 = ""] = [...made.platforms.values()];
    const exchanged = new Map([
      [amd64, arm64],
      [arm64, amd64],
    ]);
    registry.hooks.manifest = ({ tagOrDigest, stored }) => {
      const taken = exchanged.get(tagOrDigest);
      if (stored === undefined || taken === undefined) return stored;
      return { ...stored, bytes: readFileSync(join(made.directory, "blobs", "sha256", taken.replace("sha256:", ""))) };
    };
    for (const platform of ["linux/arm64", "linux/amd64"]) assert.notEqual((await pull(platform)).code, 0, platform);
  });

  it("has no platform that is not in it", async () => {
    const finished = await pull("linux/s390x");
    assert.notEqual(finished.code, 0);
    assert.equal(await world.imageId(image), undefined);
  });
});
