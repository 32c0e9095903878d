/** Dockerfiles as people write them, every image in them signed: none is refused. @see test/vectors/dockerfiles/README.md */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RealisticDockerfile, realisticDockerfiles } from "../../../test/support/realistic-dockerfiles.ts";
import { parseDigest } from "../../reference/digest.ts";
import { familiarReference, type ImageReference } from "../../reference/image-reference.ts";
import { type BaseImage, pinnedName, trustDockerfile } from "./base-images.ts";
import { contextName } from "./dockerfile/meaning.ts";

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

/** @returns the file as the engine gets it, and the names that were resolved */
async function trusted(
  { name, text, arguments: given, contexts, platforms }: RealisticDockerfile,
  isClassic: boolean,
): Promise<{ readonly text: string; readonly resolved: readonly string[] }> {
  const resolved = new Set<string>();
  const resolve = async (reference: ImageReference): Promise<BaseImage> => {
    resolved.add(familiarReference(reference));
    const digest = reference.digest ?? signed;
    return { reference: { ...reference, digest }, digest, name: pinnedName("docker", reference, digest) };
  };
  const { bytes } = await trustDockerfile(Buffer.from(text), {
    file: `${name}.Dockerfile`,
    engine: "docker",
    buildArguments: new Map(Object.entries(given)),
    contexts: new Set(Object.keys(contexts).map(contextName)),
    isClassic: async () => isClassic,
    platformVariables: async () => platforms.map(variables),
    images: { resolve, triggers: async () => [] },
  });
  return { text: bytes.toString(), resolved: [...resolved].toSorted() };
}

describe("Dockerfiles as people write them", () => {
  const files = realisticDockerfiles();

  it("are at least forty", () => assert.ok(files.length >= 40));

  for (const file of files) {
    it(`${file.name}: finds the images that BuildKit finds, and leaves nothing else changed`, async () => {
      const { text, resolved } = await trusted(file, false);
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
      assert.deepEqual((await trusted(file, true)).resolved, file.images);
    });
  }
});
