/** The Dockerfiles as people write them, read by BuildKit itself: what it takes is not refused, and what it then asks for is what was resolved. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { BaseImage } from "../../src/engine/image-build/base-image.ts";
import { trustDockerfile } from "../../src/engine/image-build/base-images.ts";
import { pinnedName } from "../../src/engine/image-build/pinned-name.ts";
import { platformVariables } from "../../src/engine/image-build/platform-variables.ts";
import { parseDigest } from "../../src/reference/digest.ts";
import { gunOf, type ImageReference, parseImageReference } from "../../src/reference/image-reference.ts";
import { namedEngine } from "../gate/engine-stub.ts";
import { missingFor } from "../gate/engines.ts";
import { Reader } from "../gate/reader-trials.ts";
import { Scope } from "../support/peers.ts";
import { type RealisticDockerfile, realisticDockerfiles } from "../support/realistic-dockerfiles.ts";

const signed = parseDigest(`sha256:${"5".repeat(64)}`);

async function trusted({ name, text, arguments: given, platforms }: RealisticDockerfile): Promise<Buffer> {
  const resolve = async (reference: ImageReference): Promise<BaseImage> => {
    const digest = reference.digest ?? signed;
    return { reference: { ...reference, digest }, digest, name: pinnedName("docker", reference, digest) };
  };
  const { bytes } = await trustDockerfile(Buffer.from(text), {
    file: name,
    engine: "docker",
    buildArguments: new Map(Object.entries(given)),
    environmentNames: new Set(),
    // to the reader, which knows no contexts, their names are images
    contexts: new Map(),
    firstBase: undefined,
    isClassic: async () => false,
    buildKitVersions: async () => undefined,
    podmanPlatforms: async () => [],
    platformVariables: () => platformVariables(namedEngine("docker"), { platforms, stage: undefined }),
    images: { resolve, configurations: async () => [] },
  });
  return bytes;
}

/** Two tags of one repository have the same digest here. */
function repositories(images: readonly string[]): readonly string[] {
  const names = images.map((image) => parseImageReference(image)).map((image) => gunOf(image));
  return [...new Set(names)].toSorted();
}

describe(
  "Dockerfiles as people write them, before BuildKit's own reader",
  { skip: missingFor("buildkit reader") },
  () => {
    const scope = new Scope("realistic");
    let reader: Reader;
    before(() => {
      reader = new Reader(scope);
    });
    after(() => scope.close());

    for (const file of realisticDockerfiles()) {
      it(`${file.name}: what BuildKit takes is not refused, and every image it then asks for is the signed one`, async () => {
        const question = { buildArguments: new Map(Object.entries(file.arguments)), platforms: file.platforms };
        const plain = await reader.ask(Buffer.from(file.text), question);
        const gated = await reader.ask(await trusted(file), question);
        assert.equal(gated.error, plain.error);
        assert.deepEqual(repositories(gated.images), repositories(plain.images));
        for (const image of gated.images) assert.match(image, /@sha256:[0-9a-f]{64}$/u);
      });
    }
  },
);
