import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { contentOf, gathered, manifestBytes, refusal } from "../../test/support/registry-story.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { createImageLayout } from "./image-layout-sink.ts";
import { openImageLayout } from "./image-layout.ts";
import { describe, type Descriptor, mediaTypes } from "./manifest.ts";

const config = contentOf('{"os":"linux","architecture":"amd64"}');
const layer = contentOf("the layer");
const image = manifestBytes(config.descriptor, [layer.descriptor]);
const root = describe(image, mediaTypes.ociManifest);

async function written(t: TestContext, name?: string, directory?: string): Promise<string> {
  const path = directory ?? join(temporaryDirectory(t), "layout");
  const sink = createImageLayout(path, name);
  for (const part of [config, layer]) await sink.writeBlob(part.descriptor, part.open(0));
  await sink.writeManifest({ descriptor: root, bytes: image });
  await sink.finish(root);
  return path;
}

function blobFile(directory: string, { digest }: Descriptor): string {
  return join(directory, "blobs", digest.replace(":", "/"));
}

test("what was written is read again, byte for byte", async (t) => {
  const directory = await written(t, "1.0");
  for (const source of [await openImageLayout(directory), await openImageLayout(directory, "1.0")]) {
    assert.deepEqual(Buffer.from(source.root.bytes), image);
    assert.ok(await source.hasBlob(layer.descriptor));
    assert.equal((await gathered(source.blob(layer.descriptor).open(4))).toString(), "layer");
  }
  assert.deepEqual((await readdir(join(directory, "blobs/sha256"))).length, 3);
});

test("other images in a layout stay, the name moves, existing blobs are found valid", async (t) => {
  const directory = await written(t, "1.0");
  const other = manifestBytes(config.descriptor, []);
  const sink = createImageLayout(directory, "2.0");
  assert.ok(await sink.hasBlob(config.descriptor));
  await sink.writeManifest({ descriptor: describe(other, mediaTypes.ociManifest), bytes: other });
  await sink.finish(describe(other, mediaTypes.ociManifest));
  assert.deepEqual(Buffer.from((await openImageLayout(directory, "1.0")).root.bytes), image);
  assert.deepEqual(Buffer.from((await openImageLayout(directory, "2.0")).root.bytes), other);
  const asked = await refusal(openImageLayout(directory), "USAGE", /several images/);
  assert.equal(asked.hint, "Name one of 1.0, 2.0.");
  await refusal(openImageLayout(directory, "3.0"), "USAGE", /no image named "3.0"/);
  await written(t, "2.0", directory);
  assert.deepEqual(Buffer.from((await openImageLayout(directory)).root.bytes), image);
});

test("I5: a damaged manifest is refused, a damaged blob is not found valid", async (t) => {
  const directory = await written(t);
  await writeFile(blobFile(directory, layer.descriptor), "the lAyer");
  assert.ok(!(await createImageLayout(directory).hasBlob(layer.descriptor)));
  await writeFile(blobFile(directory, root), image.toString().replace("linux", "Linux").replace("tar", "TAR"));
  await refusal(openImageLayout(directory), "REGISTRY_DIGEST_MISMATCH");
});

test("of a blob with wrong bytes nothing stays behind", async (t) => {
  const directory = join(temporaryDirectory(t), "layout");
  async function* cut(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from("half");
    throw new Error("cut off");
  }
  await assert.rejects(createImageLayout(directory).writeBlob(layer.descriptor, cut()), /cut off/);
  assert.deepEqual(await readdir(join(directory, "blobs/sha256")), []);
});

test("I1: a layout cannot name a file outside itself", async (t) => {
  const directory = await written(t);
  for (const digest of ["sha256:../../../../etc/passwd", "../../etc/passwd", `sha256:${"A".repeat(64)}`, "md5:00"]) {
    const index = { schemaVersion: 2, manifests: [{ ...root, digest }] };
    await writeFile(join(directory, "index.json"), JSON.stringify(index));
    await refusal(openImageLayout(directory), "IMAGE_MALFORMED");
  }
});

test("I5: a blob that is a link to another file counts only with the right bytes", async (t) => {
  const directory = await written(t);
  await rename(blobFile(directory, root), join(directory, "elsewhere"));
  await symlink(join(directory, "elsewhere"), blobFile(directory, root));
  assert.deepEqual(Buffer.from((await openImageLayout(directory)).root.bytes), image);
  await writeFile(join(directory, "elsewhere"), "root:x:0:0");
  await refusal(openImageLayout(directory), "REGISTRY_DIGEST_MISMATCH");
});

test("I1: broken, huge or missing parts are refused", async (t) => {
  const missing = temporaryDirectory(t);
  await refusal(openImageLayout(missing), "FILE_UNREADABLE", /oci-layout/);
  await refusal(openImageLayout(join(missing, "nothing")), "FILE_UNREADABLE");
  const directory = await written(t);
  const index = await readFile(join(directory, "index.json"));
  for (const text of ["{", "[]", '{"manifests":{}}', '{"manifests":[{}]}', "[".repeat(20_000), " ".repeat(5_000_000)]) {
    await writeFile(join(directory, "index.json"), text);
    await refusal(openImageLayout(directory), "IMAGE_MALFORMED");
  }
  await writeFile(join(directory, "index.json"), '{"manifests":[]}');
  await refusal(openImageLayout(directory), "USAGE", /no image/);
  await writeFile(join(directory, "index.json"), index);
  await writeFile(join(directory, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
  await refusal(openImageLayout(directory), "IMAGE_MALFORMED", /unknown version/);
  await rename(join(directory, "oci-layout"), join(directory, "gone"));
  await mkdir(join(directory, "oci-layout"));
  await refusal(openImageLayout(directory), "FILE_UNREADABLE");
});

test("reports what cannot be written", async (t) => {
  const file = join(temporaryDirectory(t), "file");
  await writeFile(file, "in the way");
  const sink = createImageLayout(file);
  await refusal(sink.writeBlob(layer.descriptor, layer.open(0)), "FILE_UNWRITABLE", /not a directory/);
});
