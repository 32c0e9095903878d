import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { contentOf, gathered, manifestBytes, refusal } from "../../test/support/registry-story.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { parseImageReference } from "../reference/image-reference.ts";
import { createDockerArchive } from "./docker-archive-sink.ts";
import { openDockerArchive } from "./docker-archive.ts";
import { describe, mediaTypes } from "./manifest.ts";
import { openTar } from "./tar-index.ts";

const gzipped = contentOf(gzipSync("layer text"));
const plainConfig = contentOf(
  JSON.stringify({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [contentOf("layer text").descriptor.digest] },
  }),
);
const image = manifestBytes(plainConfig.descriptor, [gzipped.descriptor]);
const root = describe(image, mediaTypes.ociManifest);

test("a written archive is described twice, for old and new versions of docker, and reads back as the same image", async (t) => {
  const file = join(temporaryDirectory(t), "out.tar");
  const sink = createDockerArchive(file, parseImageReference("me/app:1.0"));
  for (const part of [plainConfig, gzipped]) await sink.writeBlob(part.descriptor, part.open(0));
  await sink.writeManifest({ descriptor: root, bytes: image });
  await sink.finish(root);
  assert.deepEqual(await readdir(dirname(file)), ["out.tar"]);
  const read = await openDockerArchive(file, "me/app:1.0");
  assert.deepEqual(Buffer.from(read.root.bytes), image);
  assert.equal(gunzipSync(await gathered(read.blob(gzipped.descriptor).open(0))).toString(), "layer text");
  const files = await openTar(file);
  const manifest: unknown = JSON.parse(Buffer.from(await files.read("manifest.json", 10_000)).toString());
  assert.deepEqual(manifest, [
    {
      Config: `blobs/sha256/${plainConfig.descriptor.digest.slice(7)}`,
      RepoTags: ["me/app:1.0"],
      Layers: [`blobs/sha256/${gzipped.descriptor.digest.slice(7)}`],
    },
  ]);
  const again = join(dirname(file), "again.tar");
  const second = createDockerArchive(again, parseImageReference("me/app:1.0"));
  for (const part of [plainConfig, gzipped]) await second.writeBlob(part.descriptor, part.open(0));
  await second.writeManifest({ descriptor: root, bytes: image });
  await second.finish(root);
  assert.deepEqual(await readFile(again), await readFile(file));
});

test("I5: an archive with a wrong layer never appears, and an older one stays", async (t) => {
  const file = join(temporaryDirectory(t), "out.tar");
  await writeFile(file, "older");
  const sink = createDockerArchive(file);
  async function* cut(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from("half");
    throw new Error("cut off");
  }
  await assert.rejects(sink.writeBlob(gzipped.descriptor, cut()), /cut off/);
  await sink.abort();
  assert.deepEqual(await readdir(dirname(file)), ["out.tar"]);
  assert.equal(await readFile(file, "utf8"), "older");
  const nowhere = createDockerArchive(join(file, "out.tar"));
  const write = async (): Promise<void> => {
    await nowhere.writeBlob(gzipped.descriptor, gzipped.open(0));
    await nowhere.writeManifest({ descriptor: root, bytes: image });
    await nowhere.finish(root);
  };
  await refusal(write(), "FILE_UNWRITABLE", /out\.tar/);
  await nowhere.abort();
});
