/** Dockerfiles as people write them, every image in them signed: none is refused. @see test/vectors/dockerfiles/README.md */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RealisticDockerfile, realisticDockerfiles } from "../../../test/support/realistic-dockerfiles.ts";
import { parseDigest } from "../../reference/digest.ts";
import { familiarReference, type ImageReference } from "../../reference/image-reference.ts";
import type { BaseImage } from "./base-image.ts";
import { trustDockerfile } from "./base-images.ts";
import { pinnedName } from "./pinned-name.ts";
import { contextName } from "./dockerfile/names-in-dockerfile.ts";
import type { PodmanPlatform } from "./dockerfile/podman-variables.ts";

const signed = parseDigest(`sha256:${"5".repeat(64)}`);

function variables(platform: string): ReadonlyMap<string, string> {
  const [os = "", architecture = ""] = platform.split("/");
  return new Map([
    ["TARGETPLATFORM", platform],
    ["TARGETOS", os],
    ["TARGETARCH", architecture],
    ["TARGETVARIANT", ""],
    ["BUILDPLATFORM", "linux/amd64"],
    ["BUILDOS", "linux"],
    ["BUILDARCH", "amd64"],
  ]);
}

/** A stage for each of several platforms, which podman skips and takes for an image; `${V#latest}`, which podman leaves when it is all there is. */
const podmanDiffers: ReadonlySet<string> = new Set(["arch-stages", "electron-wine"]);

function podmanPlatform(platform: string): PodmanPlatform {
  const machine = new Map([...variables("linux/amd64"), ["BUILDPLATFORM", "linux/amd64"]] as const);
  return { machine, chosen: new Map([...variables(platform)].filter(([name]) => name.startsWith("TARGET"))) };
}

/** @returns the file as the engine gets it, and the names that were resolved */
async function trusted(
  { name, text, arguments: given, contexts, platforms }: RealisticDockerfile,
  builder: "buildkit" | "classic" | "podman",
): Promise<{ readonly text: string; readonly resolved: readonly string[] }> {
  const resolved = new Set<string>();
  const engine = builder === "podman" ? "podman" : "docker";
  const resolve = async (reference: ImageReference): Promise<BaseImage> => {
    resolved.add(familiarReference(reference));
    const digest = reference.digest ?? signed;
    return { reference: { ...reference, digest }, digest, name: pinnedName(engine, reference, digest) };
  };
  const { bytes } = await trustDockerfile(Buffer.from(text), {
    file: `${name}.Dockerfile`,
    engine,
    buildArguments: new Map(Object.entries(given)),
    environmentNames: new Set(),
    contexts: new Map(
      Object.keys(contexts).map((context) => [
        engine === "podman" ? context : contextName(context),
        { kind: "image", image: undefined },
      ]),
    ),
    firstBase: undefined,
    isClassic: async () => builder === "classic",
    buildKitVersions: async () => undefined,
    podmanPlatforms: async () => platforms.map(podmanPlatform),
    platformVariables: async () => platforms.map(variables),
    images: { resolve, configurations: async () => [] },
  });
  return { text: bytes.toString(), resolved: [...resolved].toSorted() };
}

describe("Dockerfiles as people write them", () => {
  const files = realisticDockerfiles();

  it("are at least forty", () => assert.ok(files.length >= 40));

  for (const file of files) {
    it(`${file.name}: finds the images that BuildKit finds, and leaves nothing else changed`, async () => {
      const { text, resolved } = await trusted(file, "buildkit");
      assert.deepEqual(resolved, file.images);
      const [before, then] = [file.text.split("\n"), text.split("\n")];
      assert.equal(then.length, before.length);
      const changed = then.filter((line, index) => line !== before[index]);
      for (const line of changed)
        assert.match(line, /^(?:#\s*syntax=|FROM |COPY |RUN |ONBUILD | {4})|^\s+"?[^\s"]+"? \\$/u);
    });
  }

  for (const file of files.filter(({ classic }) => classic)) {
    it(`${file.name}: is read in the same way for docker's classic builder`, async () => {
      assert.deepEqual((await trusted(file, "classic")).resolved, file.images);
    });
  }

  for (const file of files.filter(({ name }) => !podmanDiffers.has(name))) {
    it(`${file.name}: is read in the same way for podman, which has no front-ends`, async () => {
      const images = file.images.filter((name) => !name.startsWith("docker/dockerfile"));
      assert.deepEqual((await trusted(file, "podman")).resolved, images);
    });
  }
});
