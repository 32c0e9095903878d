import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { clientOf, contentOf, embeddedRegistry, refusal } from "../../test/support/registry-story.ts";
import { imageForPlatform, type ImageParts, registryParts, requireWholeImages, resolveWhole } from "./image-tree.ts";
import { describe, type Descriptor, mediaTypes, type ManifestContent } from "./manifest.ts";
import { parsePlatform } from "./platform.ts";
import { RegistryError } from "./registry-error.ts";

/** Manifests and blobs in memory, some of which may be missing. */
class Shelf implements ImageParts {
  readonly location = "the shelf";
  readonly #manifests = new Map<string, ManifestContent>();
  readonly #blobs = new Map<string, Buffer>();
  /** digests that were read, in order */
  readonly read: string[] = [];

  add(document: object, mediaType: string): Descriptor {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
    const descriptor = describe(bytes, mediaType);
    this.#manifests.set(descriptor.digest, { descriptor, bytes });
    return descriptor;
  }

  addBlob(text: string, mediaType: string): Descriptor {
    const descriptor = describe(Buffer.from(text), mediaType);
    this.#blobs.set(descriptor.digest, Buffer.from(text));
    return descriptor;
  }

  /** An image of one layer for `os/architecture[/variant]`; its configuration has `named` layers. */
  image(text: string, counts: { layers?: number; named?: number; label?: string } = {}): Descriptor {
    const { layers = 1, named = layers, label = "" } = counts;
    const [os, architecture, variant] = text.split("/");
    const ids = Array.from({ length: named }, (_, index) => contentOf(`${text}${label}${index}`).descriptor.digest);
    const rootfs = { type: "layers", diff_ids: ids };
    const config = this.addBlob(JSON.stringify({ os, architecture, variant, rootfs }), mediaTypes.ociConfig);
    const all = Array.from({ length: layers }, (_, index) =>
      this.addBlob(`${text}${label}${index}`, mediaTypes.ociLayer),
    );
    return this.add({ config, layers: all }, mediaTypes.ociManifest);
  }

  index(...manifests: readonly object[]): Descriptor {
    return this.add({ manifests }, mediaTypes.ociIndex);
  }

  manifest({ digest }: Pick<Descriptor, "digest">): Promise<ManifestContent> {
    this.read.push(digest);
    const found = this.#manifests.get(digest);
    const absent = { status: 404, registryCodes: [] };
    return found === undefined
      ? Promise.reject(new RegistryError("REGISTRY_NOT_FOUND", `no ${digest}`, absent))
      : Promise.resolve(found);
  }

  async *blob({ digest }: Descriptor): AsyncIterable<Uint8Array> {
    yield this.#blobs.get(digest) ?? assert.fail(`no ${digest}`);
  }

  /** Pushes everything to a registry. */
  async push(t: TestContext, root: Descriptor, tag = "1"): Promise<ReturnType<typeof clientOf>> {
    const app = clientOf(t, await embeddedRegistry(t));
    for (const bytes of this.#blobs.values()) await app.pushBlob(contentOf(bytes));
    for (const { bytes, descriptor } of this.#manifests.values()) {
      await app.pushManifest(descriptor.digest, bytes, descriptor.mediaType);
    }
    const { bytes } = await this.manifest(root);
    await app.pushManifest(tag, bytes, root.mediaType);
    return app;
  }
}

/** An index entry with the platform as it is written. */
function labelled(descriptor: Descriptor, text: string): Descriptor {
  const [os = "", architecture = "", variant] = text.split("/");
  return { ...descriptor, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
}

async function chosen(shelf: Shelf, root: Descriptor, wanted: string): Promise<string> {
  const found = await imageForPlatform(await shelf.manifest(root), parsePlatform(wanted), shelf);
  return found.descriptor.digest;
}

async function variant(wanted: string, ...offered: string[]): Promise<string | undefined> {
  const shelf = new Shelf();
  const images = offered.map((text, index) => shelf.image(text, { label: String(index) }));
  const root = shelf.index(...images.map((image, index) => labelled(image, offered[index] ?? "")));
  const digest = await chosen(shelf, root, wanted);
  return offered[images.findIndex((image) => image.digest === digest)];
}

test("chooses the best variant that the platform can run", async () => {
  const all = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64"];
  assert.equal(await variant("linux/arm/v7", ...all), "linux/arm/v7");
  assert.equal(await variant("linux/arm/v7", "linux/arm/v5", "linux/arm/v6", "linux/arm/v8"), "linux/arm/v6");
  assert.equal(await variant("linux/arm64", "linux/amd64", "linux/arm64/v8"), "linux/arm64/v8");
  assert.equal(await variant("linux/arm64/v8", "linux/arm64"), "linux/arm64");
  assert.equal(await variant("linux/amd64", "linux/amd64/v2", "linux/amd64"), "linux/amd64");
  assert.equal(await variant("linux/amd64/v3", "linux/amd64", "linux/amd64/v2", "linux/amd64/v4"), "linux/amd64/v2");
  assert.equal(await variant("linux/amd64", "windows/amd64", "linux/amd64", "linux/amd64"), "linux/amd64");
});

test("never another architecture or a greater variant; names the available ones, without attestations", async () => {
  const asked = await refusal(
    variant("linux/s390x", "linux/amd64", "linux/arm64", "unknown/unknown"),
    "PLATFORM_NOT_FOUND",
  );
  assert.equal(asked.hint, "It is available for linux/amd64, linux/arm64.");
  await refusal(variant("linux/arm/v6", "linux/arm/v7", "linux/arm64"), "PLATFORM_NOT_FOUND", /for linux\/arm\/v6/);
  await refusal(variant("linux/amd64"), "PLATFORM_NOT_FOUND");
});

test("an attestation is never an image, whatever platform it is listed for", async () => {
  const shelf = new Shelf();
  const image = shelf.image("linux/amd64");
  const attestation = shelf.image("unknown/unknown");
  const annotations = { "vnd.docker.reference.type": "attestation-manifest" };
  const root = shelf.index(
    { ...labelled(attestation, "linux/amd64"), annotations },
    { ...attestation, annotations },
    labelled(attestation, "unknown/unknown"),
    attestation,
    labelled(image, "linux/amd64"),
  );
  assert.equal(await chosen(shelf, root, "linux/amd64"), image.digest);
  const asked = await refusal(chosen(shelf, root, "unknown/unknown"), "PLATFORM_NOT_FOUND");
  assert.equal(asked.hint, "It is available for linux/amd64.");
  await refusal(chosen(shelf, attestation, "unknown/unknown"), "PLATFORM_NOT_FOUND");
});

test("an index in an index is searched, labelled or not", async () => {
  for (const label of [(entry: Descriptor) => labelled(entry, "linux/arm64"), (entry: Descriptor) => entry]) {
    const shelf = new Shelf();
    const arm = shelf.image("linux/arm64");
    const amd = shelf.image("linux/amd64");
    const inner = shelf.index(labelled(arm, "linux/arm64"));
    const other = shelf.index(shelf.index(amd));
    const root = shelf.index(label(inner), other);
    assert.equal(await chosen(shelf, root, "linux/arm64/v8"), arm.digest);
    assert.equal(await chosen(shelf, root, "linux/amd64"), amd.digest);
    const asked = await refusal(chosen(shelf, root, "linux/386"), "PLATFORM_NOT_FOUND");
    assert.match(asked.hint ?? "", /linux\/arm64/);
  }
});

test("an entry without a platform has that of its configuration, after entries that name one", async () => {
  const shelf = new Shelf();
  const amd = shelf.image("linux/amd64");
  const arm = shelf.image("linux/arm64");
  const named = shelf.image("linux/arm64", { label: "named" });
  const empty = shelf.addBlob("{}", "application/vnd.oci.empty.v1+json");
  const artifact = shelf.add({ config: empty, layers: [empty], artifactType: "a/b" }, mediaTypes.ociManifest);
  const root = shelf.index(artifact, arm, amd, labelled(named, "linux/arm64"));
  assert.equal(await chosen(shelf, root, "linux/amd64"), amd.digest);
  assert.equal(await chosen(shelf, root, "linux/arm64"), named.digest);
  const asked = await refusal(chosen(shelf, shelf.index(artifact), "linux/amd64"), "PLATFORM_NOT_FOUND");
  assert.equal(asked.hint, "It names no platforms.");
});

test("I1: endlessly nested indexes, and too many entries without a platform, are refused", async () => {
  const shelf = new Shelf();
  let root = shelf.image("linux/amd64");
  for (let level = 0; level < 5; level++) root = shelf.index(root);
  await refusal(chosen(shelf, root, "linux/amd64"), "IMAGE_MALFORMED", /nested deeper/);
  const many = Array.from({ length: 100 }, (_, index) => shelf.image("linux/arm64", { label: String(index) }));
  shelf.read.length = 0;
  await refusal(chosen(shelf, shelf.index(...many), "linux/amd64"), "PLATFORM_NOT_FOUND");
  assert.equal(shelf.read.length, 65);
});

test("an image that lost its layers cannot be signed, nor an index with one, at any depth", async (t) => {
  const shelf = new Shelf();
  const whole = shelf.image("linux/amd64", { layers: 2 });
  const lost = shelf.image("linux/arm64", { layers: 0, named: 1 });
  const more = shelf.image("linux/386", { layers: 2, named: 1 });
  for (const root of [lost, more, shelf.index(whole, lost), shelf.index(whole, shelf.index(more))]) {
    const app = await shelf.push(t, root);
    await refusal(resolveWhole(app, "1"), "IMAGE_MALFORMED", /layers where the configuration sha256:\w+ names/);
  }
  const app = await shelf.push(t, shelf.index(whole, shelf.index(whole)));
  assert.equal((await resolveWhole(app, "1")).mediaType, mediaTypes.ociIndex);
});

test("an image that names no layers and has none is complete, as is anything that is no image", async (t) => {
  const shelf = new Shelf();
  const empty = shelf.addBlob("{}", "application/vnd.oci.empty.v1+json");
  const artifact = shelf.add({ config: empty, layers: [empty], artifactType: "a/b" }, mediaTypes.ociManifest);
  const chart = shelf.addBlob('{"name":"c"}', "application/vnd.cncf.helm.config.v1+json");
  const helm = shelf.add({ config: chart, layers: [shelf.addBlob("tgz", "x/y")] }, mediaTypes.ociManifest);
  const config = shelf.addBlob("{}", mediaTypes.ociConfig);
  const old = shelf.add({ config, layers: [shelf.addBlob("wasm", "application/wasm")] }, mediaTypes.ociManifest);
  const none = shelf.image("linux/amd64", { layers: 0 });
  const nothing = shelf.add(
    { config: shelf.addBlob('{"rootfs":{"type":"layers"}}', mediaTypes.ociConfig), layers: null },
    mediaTypes.ociManifest,
  );
  for (const root of [artifact, helm, old, none, nothing]) await resolveWhole(await shelf.push(t, root), "1");
});

test("a configuration is recognised by all media types that docker used for it", async (t) => {
  const shelf = new Shelf();
  const text = JSON.stringify({ rootfs: { type: "layers", diff_ids: [contentOf("x").descriptor.digest] } });
  for (const type of ["application/vnd.docker.container.image.v1+json", "application/octet-stream"]) {
    const root = shelf.add({ config: shelf.addBlob(text, type), layers: [] }, mediaTypes.dockerManifest);
    await refusal(resolveWhole(await shelf.push(t, root), "1"), "IMAGE_MALFORMED", /holds 0 layers/);
  }
});

test("of an index with some images elsewhere, the available ones are checked", async (t) => {
  const shelf = new Shelf();
  const here = shelf.image("linux/amd64");
  const app = clientOf(t, await embeddedRegistry(t));
  const elsewhere: ImageParts = { ...registryParts(app), blob: (descriptor) => shelf.blob(descriptor) };
  const parts: ImageParts = {
    ...elsewhere,
    manifest: (wanted) => (wanted.digest === here.digest ? shelf : elsewhere).manifest(wanted),
  };
  const missing = describe(Buffer.from("elsewhere"), mediaTypes.ociManifest);
  await requireWholeImages(await shelf.manifest(shelf.index(here, missing)), parts);
  const lost = shelf.image("linux/386", { layers: 0, named: 1 });
  await refusal(requireWholeImages(await shelf.manifest(shelf.index(missing, lost)), shelf), "IMAGE_MALFORMED");
});
