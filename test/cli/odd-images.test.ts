/** Images as other tools leave them: without their layers, in odd indexes, from a pipe. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe as descriptorOf, type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { launcher } from "../support/clients.ts";
import { contentOf } from "../support/registry-story.ts";
import { CliSandbox } from "./cli-sandbox.ts";

const configuration = (platform: string, diffIds: readonly string[]): string => {
  const [os, architecture] = platform.split("/");
  return JSON.stringify({ os, architecture, config: {}, rootfs: { type: "layers", diff_ids: diffIds } });
};

describe("images as other tools leave them", () => {
  const stage = CliSandbox.forSuite("odd-images");

  /** An OCI layout to write into. */
  const layout = (name: string) => {
    const directory = stage.path(name);
    mkdirSync(join(directory, "blobs", "sha256"), { recursive: true });
    const add = (content: string | object, mediaType: string): Descriptor => {
      const bytes = Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
      const descriptor = descriptorOf(bytes, mediaType);
      writeFileSync(join(directory, "blobs", "sha256", descriptor.digest.slice(7)), bytes);
      return descriptor;
    };
    return {
      add,
      image: (platform: string, counts: { layers: number; named: number }): Descriptor => {
        const layers = Array.from({ length: counts.layers }, (_, at) => add(`${platform}${at}`, mediaTypes.ociLayer));
        const named = Array.from({ length: counts.named }, (_, at) => contentOf(`${platform}${at}`).descriptor.digest);
        const config = add(configuration(platform, named), mediaTypes.ociConfig);
        return add({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }, mediaTypes.ociManifest);
      },
      index: (manifests: readonly object[]): Descriptor =>
        add({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, mediaTypes.ociIndex),
      finish: (root: Descriptor): string => {
        writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
        writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [root] }));
        return `oci:${directory}`;
      },
    };
  };

  it("I9: one that lost its layers is neither pushed nor signed, alone or in an index", async () => {
    const made = layout("lost");
    const lost = made.image("linux/amd64", { layers: 0, named: 1 });
    const whole = made.image("linux/arm64", { layers: 1, named: 1 });
    for (const [at, root] of [lost, made.index([whole, lost])].entries()) {
      const app = `${stage.repository(`team/lost${at}`)}:1`;
      const { code, stderr } = await stage.run(["push", "--from", made.finish(root), app]);
      assert.equal(code, 1);
      assert.match(stderr, /holds 0 layers where the configuration sha256:\w+ names 1/);
      assert.match((await stage.run(["sign", "--from-registry", app])).stderr, /REGISTRY_NOT_FOUND/);
      assert.match((await stage.run(["verify", app])).stderr, /NOT_SIGNED/);
    }
  });

  it("I9: one that lost its layers in the registry is not signed there", async () => {
    const app = `${stage.repository("team/there")}:1`;
    await stage.image("0");
    await stage.ok(["push", "-q", "--from", `oci:${stage.path("image-0")}`, `${stage.repository("team/there")}:0`]);
    const registry = RegistryClient.forReference(parseImageReference(app), { access: "push" });
    const config = contentOf(configuration("linux/amd64", [contentOf("x").descriptor.digest]), mediaTypes.ociConfig);
    await registry.pushBlob(config);
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: config.descriptor, layers: null };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const { digest } = await registry.pushManifest("1", bytes, mediaTypes.ociManifest);
    registry.close();
    for (const line of [
      ["sign", "--from-registry", app],
      ["sign", `${app}@${digest}`],
      ["trust", "sign", app],
    ]) {
      const { code, stderr } = await stage.run(line);
      assert.equal(code, 1, `${line.join(" ")}: ${stderr}`);
      assert.ok(stderr.includes("holds 0 layers where"), `${line.join(" ")}: ${stderr}`);
    }
    assert.match((await stage.run(["verify", app])).stderr, /NOT_SIGNED/);
  });

  it("an attestation is not an image of a platform: not of unknown/unknown, and not in the list of what there is", async () => {
    const made = layout("attested");
    const image = made.image("linux/amd64", { layers: 1, named: 1 });
    const attestation = made.image("unknown/unknown", { layers: 1, named: 1 });
    const root = made.index([
      { ...attestation, platform: { os: "unknown", architecture: "unknown" } },
      { ...image, platform: { os: "linux", architecture: "amd64" } },
    ]);
    const app = `${stage.repository("team/attested")}:1`;
    await stage.ok(["push", "-q", "--from", made.finish(root), app]);
    assert.equal((await stage.ok(["verify", "--platform", "linux/amd64", app])).stdout, `${image.digest}\n`);
    for (const platform of ["unknown/unknown", "linux/s390x"]) {
      const { code, stdout, stderr } = await stage.run(["verify", "--platform", platform, app]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /available for linux\/amd64\. \[PLATFORM_NOT_FOUND\]/);
      const pull = ["pull", "--platform", platform, "--to", `oci:${stage.path("none")}`, app];
      assert.match((await stage.run(pull)).stderr, /PLATFORM_NOT_FOUND/);
    }
  });

  it("an index in an index, and an entry that names no platform, are looked into", async () => {
    const made = layout("nested");
    const amd = made.image("linux/amd64", { layers: 1, named: 1 });
    const arm = made.image("linux/arm64", { layers: 2, named: 2 });
    const inner = made.index([{ ...arm, platform: { os: "linux", architecture: "arm64" } }]);
    const app = `${stage.repository("team/nested")}:1`;
    await stage.ok(["push", "-q", "--from", made.finish(made.index([inner, amd])), app]);
    for (const [platform, { digest }] of [
      ["linux/amd64", amd],
      ["linux/arm64/v8", arm],
    ] as const) {
      assert.equal((await stage.ok(["verify", "--platform", platform, app])).stdout, `${digest}\n`);
    }
  });

  it("an artifact whose empty configuration lies nowhere is pushed and signed", async () => {
    const made = layout("artifact");
    const type = "application/vnd.oci.empty.v1+json";
    for (const more of [{ data: "e30=" }, {}]) {
      const config = { ...descriptorOf(Buffer.from("{}"), type), ...more };
      const layers = [made.add("hello", "text/plain")];
      const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType: "a/b", config, layers };
      const app = `${stage.repository(`team/artifact${Object.keys(more).length}`)}:1`;
      await stage.ok(["push", "-q", "--from", made.finish(made.add(document, mediaTypes.ociManifest)), app]);
      const { stderr } = await stage.run(["verify", "--platform", "linux/amd64", app]);
      assert.match(stderr, /It does not name its platform\./);
    }
  });

  it("an archive comes from a pipe or a file on standard input, packed or not", async () => {
    await stage.image("1");
    const app = stage.repository("team/piped");
    await stage.ok(["push", "-q", "--from", `oci:${stage.path("image-1")}`, `${app}:1`]);
    const archive = stage.path("app.tar");
    await stage.ok(["pull", "-q", "--to", `docker-archive:${archive}`, `${app}:1`]);
    const packed = gzipSync(readFileSync(archive));
    const env = { ...process.env, ...stage.sandbox.environment };
    for (const [at, input] of [readFileSync(archive), packed].entries()) {
      for (const name of ["-", "/dev/stdin"]) {
        const line = ["push", "-q", "--from", `docker-archive:${name}`, `${app}:${at + 2}`];
        const pushing = promisify(execFile)(launcher, line, { env });
        pushing.child.stdin?.end(input);
        await pushing;
      }
    }
  });
});
