/** Docker's archive layout: a `manifest.json` that names a configuration and layers by their paths in the tar. */
import { createHash, type Hash } from "node:crypto";
import { type Digest, digestFromHex, digestHex } from "../reference/digest.ts";
import type { BlobContent } from "./blob-upload.ts";
import { type Compression, compressionOf, decompressed, magicBytes } from "./decompression.ts";
import { layerDiffIds } from "./image-configuration.ts";
import type { LayoutFiles } from "./image-layout.ts";
import type { ImageSource } from "./image-store.ts";
import { chooseLegacyImage, legacyImages } from "./legacy-manifest.ts";
import { describe, type Descriptor, type ManifestContent, malformed, mediaTypes, parseDocument } from "./manifest.ts";

const maxConfigBytes = 8 * 1024 * 1024;

/**
 * Opens an image in docker's layout, which has no manifest: one is made here, always the same for the same files. The configuration
 * verifies the layers.
 *
 * @throws UsageError `USAGE` (which image?); NetworkError `IMAGE_MALFORMED`
 */
export async function openLegacyArchive(files: LayoutFiles, name: string | undefined): Promise<ImageSource> {
  const image = chooseLegacyImage(await legacyImages(files), name, files.location);
  const configBytes = await files.read(image.config, maxConfigBytes);
  const config = describe(configBytes, mediaTypes.ociConfig);
  const namedHex = /([0-9a-f]{64})(?:\.json)?$/.exec(image.config)?.[1];
  if (namedHex !== undefined && namedHex !== digestHex(config.digest)) {
    throw malformed(`${files.location} holds ${image.config} with other contents than its name says`);
  }
  const diffIds = layerDiffIds(parseDocument(configBytes));
  if (diffIds === undefined) throw malformed("the configuration names no layers");
  if (diffIds.length !== image.layers.length) {
    throw malformed(
      `${files.location} holds ${image.layers.length} layers where the configuration names ${diffIds.length}`,
    );
  }
  const places = new Map<Digest, string>([[config.digest, image.config]]);
  const layers: Descriptor[] = [];
  const byDiffId = new Map<string | undefined, Descriptor>();
  for (const [index, path] of image.layers.entries()) {
    const diffId = diffIds[index];
    // a layer that is listed twice is one layer: for the second, docker writes only links, some of them dangling
    const layer = byDiffId.get(diffId) ?? (await describeLayer(files, path, diffId));
    if (!byDiffId.has(diffId)) places.set(layer.digest, path);
    byDiffId.set(diffId, layer);
    layers.push(layer);
  }
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return new LegacySource(files, { descriptor: describe(bytes, mediaTypes.ociManifest), bytes }, places);
}

class LegacySource implements ImageSource {
  readonly location: string;
  readonly root: ManifestContent;
  readonly #files: LayoutFiles;
  readonly #places: ReadonlyMap<Digest, string>;

  constructor(files: LayoutFiles, root: ManifestContent, places: ReadonlyMap<Digest, string>) {
    this.location = files.location;
    this.root = root;
    this.#files = files;
    this.#places = places;
  }

  manifest(descriptor: Descriptor): Promise<ManifestContent> {
    if (descriptor.digest === this.root.descriptor.digest) return Promise.resolve(this.root);
    return Promise.reject(malformed(`${this.location} holds no manifest ${descriptor.digest}`));
  }

  hasBlob(descriptor: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#places.has(descriptor.digest));
  }

  blob(descriptor: Descriptor): BlobContent {
    const path = this.#places.get(descriptor.digest) ?? "";
    return { descriptor, open: (offset) => this.#files.stream(path, offset, descriptor.size - offset) };
  }

  async close(): Promise<void> {
    await this.#files.close();
  }
}

/** The media type of a layer for each compression; others have none. */
const layerTypes: ReadonlyMap<Compression, string> = new Map([
  ["none", mediaTypes.ociLayer],
  ["gzip", mediaTypes.ociLayerGzip],
  ["zstd", mediaTypes.ociLayerZstd],
]);

/** Hashes a layer compressed and uncompressed: the configuration has the digest of its uncompressed bytes. */
async function describeLayer(files: LayoutFiles, path: string, diffId: string | undefined): Promise<Descriptor> {
  const size = await files.size(path);
  if (size === undefined) {
    throw malformed(`${files.location} does not hold the layer ${JSON.stringify(path)}, which it names`);
  }
  const compression = await layerCompression(files, path, size);
  const mediaType = layerTypes.get(compression);
  if (mediaType === undefined)
    throw malformed(`the layer ${path} is packed with ${compression}, which images cannot have`);
  const packed = createHash("sha256");
  const unpacked = createHash("sha256");
  const reading = hashing(files.stream(path, 0, size), packed);
  for await (const chunk of decompressed(reading, compression, `the layer ${path}`)) unpacked.update(chunk);
  const actual = digestFromHex("sha256", unpacked.digest("hex"));
  if (actual !== diffId) throw malformed(`the layer ${path} unpacks to ${actual}, the configuration says ${diffId}`);
  return { mediaType, digest: digestFromHex("sha256", packed.digest("hex")), size };
}

async function layerCompression(files: LayoutFiles, path: string, size: number): Promise<Compression> {
  const start: number[] = [];
  for await (const chunk of files.stream(path, 0, Math.min(magicBytes, size))) start.push(...chunk);
  return compressionOf(Buffer.from(start));
}

async function* hashing(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
