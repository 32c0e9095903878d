/**
 * OCI image layouts: a directory with `oci-layout`, `index.json` and `blobs/<algorithm>/<hex>`. Paths are made from checked digests only,
 * so no content of a layout leads out of it.
 */
import { join } from "node:path";
import type { JsonObject } from "../encoding/json.ts";
import { UsageError } from "../errors.ts";
import { digestAlgorithm, digestHex } from "../reference/digest.ts";
import type { BlobContent } from "./blob-upload.ts";
import { holdsContent, plainFileSize, readSmallFile, streamRange, unreadable, writeWhole } from "./file-content.ts";
import type { ImageSink, ImageSource } from "./image-store.ts";
import {
  type Descriptor,
  type ManifestContent,
  malformed,
  maxManifestBytes,
  member,
  parseDescriptor,
  parseDocument,
  parseManifest,
  verifyContent,
} from "./manifest.ts";

/** The annotation that names an image within a layout. @see OCI image-spec 1.1, annotations */
export const layoutNameAnnotation = "org.opencontainers.image.ref.name";
/** The annotation with docker's and containerd's complete image name. */
export const containerdNameAnnotation = "io.containerd.image.name";

/** Files by name, in a directory or inside an archive. */
export interface LayoutFiles {
  /** for messages */
  readonly location: string;
  /** size of a plain file, undefined when there is none */
  size(name: string): Promise<number | undefined>;
  /** a whole small file */
  read(name: string, maxBytes: number): Promise<Uint8Array>;
  stream(name: string, offset: number, length: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens an image in a layout directory.
 *
 * @param name the image's name in the layout (`org.opencontainers.image.ref.name`, or a complete image name docker wrote);
 *   needed when it holds several
 * @throws UsageError `FILE_UNREADABLE` (no layout there), `USAGE` (which image?); NetworkError `IMAGE_MALFORMED`,
 *   `REGISTRY_DIGEST_MISMATCH`
 */
export async function openImageLayout(directory: string, name?: string): Promise<ImageSource> {
  return await openLayoutFiles(directoryFiles(directory), name);
}

/** {@link openImageLayout} for any kind of files. */
export async function openLayoutFiles(files: LayoutFiles, name?: string): Promise<ImageSource> {
  const layout = parseDocument(await files.read("oci-layout", 64 * 1024));
  const version = member(layout, "imageLayoutVersion");
  if (typeof version !== "string" || !version.startsWith("1."))
    throw malformed(`${files.location} is a layout of an unknown version`);
  const root = chooseImage(await layoutEntries(files), name, files.location);
  return new LayoutSource(files, await readManifest(files, root));
}

class LayoutSource implements ImageSource {
  readonly location: string;
  readonly root: ManifestContent;
  readonly #files: LayoutFiles;

  constructor(files: LayoutFiles, root: ManifestContent) {
    this.location = files.location;
    this.root = root;
    this.#files = files;
  }

  async manifest(descriptor: Descriptor): Promise<ManifestContent> {
    return await readManifest(this.#files, descriptor);
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return (await this.#files.size(blobName(descriptor))) === descriptor.size;
  }

  blob(descriptor: Descriptor): BlobContent {
    return {
      descriptor,
      open: (offset) => this.#files.stream(blobName(descriptor), offset, descriptor.size - offset),
    };
  }

  async close(): Promise<void> {
    await this.#files.close();
  }
}

async function readManifest(files: LayoutFiles, descriptor: Descriptor): Promise<ManifestContent> {
  if ((await files.size(blobName(descriptor))) === undefined) {
    throw malformed(
      `${files.location} does not hold ${descriptor.digest}, which it names`,
      "an image of several platforms may have been saved with some of them only: save it whole, or one platform of it alone",
    );
  }
  const bytes = await files.read(blobName(descriptor), maxManifestBytes);
  verifyContent(bytes, descriptor, `${files.location} holds a wrong manifest`);
  parseManifest(bytes, descriptor.mediaType);
  return { descriptor, bytes };
}

function blobName({ digest }: Descriptor): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** What a layout's index lists; Go writes an empty list as null. @throws NetworkError `IMAGE_MALFORMED` */
export async function layoutEntries(files: LayoutFiles): Promise<readonly Descriptor[]> {
  const index = parseDocument(await files.read("index.json", maxManifestBytes));
  const entries = member(index, "manifests") ?? [];
  if (!Array.isArray(entries)) throw malformed("index.json lists no manifests");
  return entries.map((entry, position) => parseDescriptor(entry, `index.json, manifests[${position}]`));
}

function chooseImage(entries: readonly Descriptor[], name: string | undefined, location: string): Descriptor {
  const named = name === undefined ? entries : entries.filter((entry) => namesOf(entry).includes(name));
  // one image under several tags is still one image
  const [first, ...others] = named;
  if (first !== undefined && others.every(({ digest }) => digest === first.digest)) return first;
  const names = [...new Set(entries.flatMap(namesOf))].slice(0, 20).join(", ");
  const problem =
    first === undefined
      ? name === undefined
        ? "no image"
        : `no image named ${JSON.stringify(name)}`
      : "several images";
  throw new UsageError("USAGE", `${location} holds ${problem}`, {
    hint: names === "" ? "None of its images has a name." : `Name one of ${names}.`,
  });
}

function namesOf(entry: Descriptor): string[] {
  const annotations = [layoutNameAnnotation, containerdNameAnnotation].map((key) => entry.annotations?.get(key));
  return annotations.filter((value) => value !== undefined);
}

function directoryFiles(directory: string): LayoutFiles {
  const path = (name: string): string => join(directory, name);
  return {
    location: directory,
    size: (name) => plainFileSize(path(name)),
    read: async (name, maxBytes) => {
      if ((await plainFileSize(path(name))) === undefined) throw unreadable(path(name));
      return await readSmallFile(path(name), maxBytes);
    },
    stream: (name, offset, length) => streamRange(path(name), offset, length),
    close: () => Promise.resolve(),
  };
}

/** Opens a layout for writing, creating it if needed. `name` names the image in it and replaces an image of that name. */
export function createImageLayout(directory: string, name?: string): ImageSink {
  return new LayoutSink(directory, name);
}

class LayoutSink implements ImageSink {
  readonly holdsIndexes = true;
  readonly parallel = 3;
  readonly #directory: string;
  readonly #name: string | undefined;

  constructor(directory: string, name: string | undefined) {
    this.#directory = directory;
    this.#name = name;
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return await holdsContent(this.#path(blobName(descriptor)), descriptor);
  }

  async writeBlob(descriptor: Descriptor, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await writeWhole(this.#path(blobName(descriptor)), chunks);
  }

  async writeManifest(content: ManifestContent): Promise<void> {
    await writeWhole(this.#path(blobName(content.descriptor)), [content.bytes]);
  }

  async finish(root: Descriptor): Promise<void> {
    const index = await this.#existingIndex();
    const entries = member(index, "manifests");
    const others = (Array.isArray(entries) ? entries : []).filter(
      (entry) => !this.#isReplaced(parseDescriptor(entry, "index.json"), root),
    );
    const annotations = this.#name === undefined ? {} : { annotations: { [layoutNameAnnotation]: this.#name } };
    const entry = { mediaType: root.mediaType, digest: root.digest, size: root.size, ...annotations };
    await this.#write("oci-layout", { imageLayoutVersion: "1.0.0" });
    await this.#write("index.json", { ...index, manifests: [...others, entry] });
  }

  async abort(): Promise<void> {
    // blobs are whole or absent, and unnamed ones are harmless: nothing to undo
  }

  #isReplaced(entry: Descriptor, root: Descriptor): boolean {
    const name = entry.annotations?.get(layoutNameAnnotation);
    return this.#name === undefined ? name === undefined && entry.digest === root.digest : name === this.#name;
  }

  async #existingIndex(): Promise<JsonObject> {
    const path = this.#path("index.json");
    if ((await plainFileSize(path)) === undefined) return { schemaVersion: 2 };
    return parseDocument(await readSmallFile(path, maxManifestBytes));
  }

  async #write(name: string, value: object): Promise<void> {
    await writeWhole(this.#path(name), [Buffer.from(JSON.stringify(value))]);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
