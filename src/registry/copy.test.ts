import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  clientOf,
  contentOf,
  embeddedRegistry,
  gathered,
  manifestBytes,
  pushTinyImage,
  refusal,
} from "../../test/support/registry-story.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { parseImageReference } from "../reference/image-reference.ts";
import { type CopyProgress, pullImage, pushImage } from "./copy.ts";
import { createDockerArchive } from "./docker-archive-sink.ts";
import { openDockerArchive } from "./docker-archive.ts";
import { createImageLayout } from "./image-layout-sink.ts";
import { openImageLayout } from "./image-layout.ts";
import { describe, type Descriptor, mediaTypes } from "./manifest.ts";

interface Part {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

function image(architecture: string): { manifest: Part; blobs: Part[] } {
  const part = (text: string): Part => ({ descriptor: contentOf(text).descriptor, bytes: Buffer.from(text) });
  const layer = part(`layer for ${architecture}`);
  const shared = part("shared by all");
  const rootfs = { type: "layers", diff_ids: [shared.descriptor.digest, layer.descriptor.digest] };
  const config = part(JSON.stringify({ os: "linux", architecture, rootfs }));
  const bytes = manifestBytes(config.descriptor, [shared.descriptor, layer.descriptor]);
  return { manifest: { descriptor: describe(bytes, mediaTypes.ociManifest), bytes }, blobs: [config, shared, layer] };
}

/** An index of two platforms in a layout, with an attestation like those of buildx. */
async function indexLayout(
  t: TestContext,
  architectures = ["amd64", "arm64"],
): Promise<{ directory: string; index: Part }> {
  const directory = join(temporaryDirectory(t), "layout");
  const sink = createImageLayout(directory, "1.0");
  const manifests: object[] = [];
  for (const architecture of architectures) {
    const { manifest, blobs } = image(architecture);
    for (const blob of blobs) await sink.writeBlob(blob.descriptor, contentOf(blob.bytes).open(0));
    await sink.writeManifest(manifest);
    manifests.push({ ...manifest.descriptor, platform: { os: "linux", architecture } });
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const index = { descriptor: describe(bytes, mediaTypes.ociIndex), bytes };
  await sink.writeManifest(index);
  await sink.finish(index.descriptor);
  return { directory, index };
}

test("an index is copied whole: pushed from a layout, pulled into another, with the same bytes", async (t) => {
  const { directory, index } = await indexLayout(t);
  const app = clientOf(t, await embeddedRegistry(t));
  const pushed = await pushImage(await openImageLayout(directory), app, { tag: "1.0" });
  assert.deepEqual(pushed, index.descriptor);
  assert.deepEqual(Buffer.from((await app.manifest("1.0")).bytes), index.bytes);
  const copy = join(directory, "..", "copy");
  await pullImage(app, createImageLayout(copy, "1.0"), { digest: pushed.digest, size: pushed.size });
  const names = async (path: string): Promise<string[]> => (await readdir(join(path, "blobs/sha256"))).toSorted();
  assert.deepEqual(await names(copy), await names(directory));
  assert.deepEqual(Buffer.from((await openImageLayout(copy, "1.0")).root.bytes), index.bytes);
});

test("one platform of an index: pulled by --platform, and by an archive", async (t) => {
  const { directory, index } = await indexLayout(t, ["amd64", "arm64"]);
  const app = clientOf(t, await embeddedRegistry(t));
  await pushImage(await openImageLayout(directory), app, { tag: "1.0" });
  const arm = image("arm64").manifest;
  const layout = join(directory, "..", "arm");
  const pulled = await pullImage(app, createImageLayout(layout), {
    digest: index.descriptor.digest,
    platform: "linux/arm64/v8",
  });
  assert.equal(pulled.digest, arm.descriptor.digest);
  assert.equal((await readdir(join(layout, "blobs/sha256"))).length, 4);
  const file = join(directory, "..", "image.tar");
  await pullImage(app, createDockerArchive(file, parseImageReference("app:1.0")), { digest: index.descriptor.digest });
  const archived = await openDockerArchive(file);
  assert.ok(
    [arm, image("amd64").manifest].some(({ descriptor }) => descriptor.digest === archived.root.descriptor.digest),
  );
  const missing = { digest: index.descriptor.digest, platform: "linux/s390x" };
  await refusal(pullImage(app, createImageLayout(layout), missing), "PLATFORM_NOT_FOUND");
  const single = { digest: arm.descriptor.digest, platform: "linux/amd64" };
  await refusal(pullImage(app, createImageLayout(layout), single), "PLATFORM_NOT_FOUND");
  assert.equal(
    (await pullImage(app, createImageLayout(layout), { ...single, platform: "linux/arm64" })).digest,
    arm.descriptor.digest,
  );
});

test("one platform of an index can be pushed alone", async (t) => {
  const { directory } = await indexLayout(t);
  const app = clientOf(t, await embeddedRegistry(t));
  const pushed = await pushImage(await openImageLayout(directory), app, { tag: "arm", platform: "linux/arm64" });
  assert.equal(pushed.digest, image("arm64").manifest.descriptor.digest);
});

test("progress: every piece is announced before the first byte, and ends done; a second push finds all present", async (t) => {
  const { directory } = await indexLayout(t);
  const app = clientOf(t, await embeddedRegistry(t));
  const watch = async (tag: string): Promise<CopyProgress[]> => {
    const events: CopyProgress[] = [];
    await pushImage(await openImageLayout(directory), app, { tag, onProgress: (event) => events.push(event) });
    return events;
  };
  const first = await watch("1");
  assert.equal(
    first.findLastIndex(({ state }) => state === "waiting"),
    7,
  );
  assert.ok(first.slice(0, 8).every(({ state, doneBytes }) => state === "waiting" && doneBytes === 0));
  const last = new Map(first.map((event) => [event.digest, event]));
  assert.ok([...last.values()].every(({ state, doneBytes, size }) => state === "done" && doneBytes === size));
  const again = new Map((await watch("2")).map((event) => [event.digest, event]));
  assert.ok([...again.values()].every(({ kind, state }) => state === (kind === "blob" ? "present" : "done")));
});

test("five blobs are uploaded at a time, three are downloaded into a layout", async (t) => {
  const registry = await embeddedRegistry(t);
  const [from, into] = [join(temporaryDirectory(t), "from"), join(temporaryDirectory(t), "into")];
  const sink = createImageLayout(from);
  const parts = Array.from({ length: 12 }, (_, index) => contentOf(`layer ${index}`));
  const listed = parts.map(({ descriptor }) => descriptor);
  const rootfs = { type: "layers", diff_ids: listed.map(({ digest }) => digest) };
  const config = contentOf(JSON.stringify({ os: "linux", architecture: "amd64", rootfs }));
  for (const part of [config, ...parts]) await sink.writeBlob(part.descriptor, part.open(0));
  const bytes = manifestBytes(config.descriptor, listed);
  const root = describe(bytes, mediaTypes.ociManifest);
  await sink.writeManifest({ descriptor: root, bytes });
  await sink.finish(root);

  const atOnce = { push: 0, pull: 0 };
  let [now, direction] = [0, "push" as keyof typeof atOnce];
  const watch = ({ kind, state, doneBytes }: CopyProgress): void => {
    if (kind !== "blob") return;
    if (state === "copying" && doneBytes === 0) now += 1;
    if (state === "done" || state === "present") now -= 1;
    atOnce[direction] = Math.max(atOnce[direction], now);
  };
  const app = clientOf(t, registry);
  await pushImage(await openImageLayout(from), app, { tag: "v1", onProgress: watch });
  [now, direction] = [0, "pull"];
  await pullImage(app, createImageLayout(into), { digest: root.digest, onProgress: watch });
  assert.deepEqual(atOnce, { push: 5, pull: 3 });
});

test("layers of another repository are mounted", async (t) => {
  const { directory } = await indexLayout(t);
  const registry = await embeddedRegistry(t);
  await pushImage(await openImageLayout(directory), clientOf(t, registry, {}, "team/base"), { tag: "1" });
  const states = new Set<string>();
  await pushImage(await openImageLayout(directory), clientOf(t, registry), {
    tag: "1",
    mountFrom: "team/base",
    onProgress: ({ kind, state }) => kind === "blob" && state !== "waiting" && state !== "copying" && states.add(state),
  });
  assert.deepEqual([...states], ["mounted"]);
});

test("I5: a registry that swaps the children of a signed index is refused, and nothing stays behind", async (t) => {
  const { directory, index } = await indexLayout(t);
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  await pushImage(await openImageLayout(directory), app, { tag: "1" });
  const [amd, arm] = [image("amd64").manifest, image("arm64").manifest];
  const swap = new Map([
    [amd.descriptor.digest, arm],
    [arm.descriptor.digest, amd],
  ]);
  registry.hooks.manifest = ({ tagOrDigest, stored }) => {
    const other = [...swap].find(([digest]) => digest === tagOrDigest)?.[1];
    return other === undefined
      ? stored
      : { digest: tagOrDigest, mediaType: mediaTypes.ociManifest, bytes: other.bytes };
  };
  const copy = join(directory, "..", "copy");
  await refusal(
    pullImage(app, createImageLayout(copy), { digest: index.descriptor.digest }),
    "REGISTRY_DIGEST_MISMATCH",
  );
  await refusal(openImageLayout(copy), "FILE_UNREADABLE");
  const file = join(directory, "..", "out.tar");
  await refusal(
    pullImage(app, createDockerArchive(file), { digest: index.descriptor.digest }),
    "REGISTRY_DIGEST_MISMATCH",
  );
  assert.ok(!(await readdir(join(directory, ".."))).includes("out.tar"));
});

test("I5: a registry that tampers with a layer is refused, and nothing stays behind", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const pushed = await pushTinyImage(app, "1", "x");
  registry.hooks.blob = ({ size }) => Buffer.alloc(size, "z");
  const directory = temporaryDirectory(t);
  await refusal(
    pullImage(app, createImageLayout(join(directory, "copy")), { digest: pushed.digest }),
    "REGISTRY_DIGEST_MISMATCH",
  );
  await refusal(
    pullImage(app, createDockerArchive(join(directory, "out.tar")), { digest: pushed.digest }),
    "REGISTRY_DIGEST_MISMATCH",
  );
  assert.deepEqual(await readdir(directory), ["copy"]);
  assert.deepEqual(await readdir(join(directory, "copy/blobs/sha256")), []);
});

test("I5: a signed length that is not the manifest's is refused", async (t) => {
  const app = clientOf(t, await embeddedRegistry(t));
  const { digest, size } = await pushTinyImage(app, "1", "x");
  const sink = createImageLayout(join(temporaryDirectory(t), "copy"));
  await refusal(pullImage(app, sink, { digest, size: size + 1 }), "REGISTRY_DIGEST_MISMATCH");
});

test("an image whose layer is missing from its layout is refused, and the tag not set", async (t) => {
  const { directory } = await indexLayout(t);
  const app = clientOf(t, await embeddedRegistry(t));
  const source = await openImageLayout(directory);
  const lacking = {
    ...source,
    location: "here",
    root: source.root,
    manifest: (d: Descriptor) => source.manifest(d),
    blob: (d: Descriptor) => source.blob(d),
    hasBlob: () => Promise.resolve(false),
    close: () => source.close(),
  };
  await refusal(pushImage(lacking, app, { tag: "1" }), "IMAGE_MALFORMED", /does not hold/);
  assert.equal(await app.findManifest("1"), undefined);
});

test("I1: endlessly nested indexes, or those that name themselves, are refused", async (t) => {
  const app = clientOf(t, await embeddedRegistry(t));
  let child = await pushTinyImage(app, "0", "x");
  for (let depth = 1; depth < 6; depth++) {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] }));
    child = await app.pushManifest(String(depth), bytes, mediaTypes.ociIndex);
  }
  const sink = createImageLayout(join(temporaryDirectory(t), "copy"));
  await refusal(pullImage(app, sink, { digest: child.digest }), "IMAGE_MALFORMED", /nested/);
});

test("a legacy archive becomes the image its configuration describes", async (t) => {
  const { directory } = await indexLayout(t);
  const app = clientOf(t, await embeddedRegistry(t));
  const { digest } = await pushImage(await openImageLayout(directory), app, { tag: "1", platform: "linux/amd64" });
  const file = join(directory, "..", "image.tar");
  await pullImage(app, createDockerArchive(file, parseImageReference("app:1")), { digest });
  const source = await openDockerArchive(file, "app:1");
  const copied = await pushImage(source, clientOf(t, await embeddedRegistry(t)), { tag: "2" });
  assert.equal(copied.digest, digest);
  assert.equal(
    (await gathered(source.blob(contentOf("layer for amd64").descriptor).open(0))).toString(),
    "layer for amd64",
  );
});
