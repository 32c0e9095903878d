/**
 * OCI image layouts: a directory with `oci-layout`, `index.json` and `blobs/<algorithm>/<hex>`. Paths are made from checked digests only,
 * so no content of a layout leads out of it.
 */
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import { digestAlgorithm, digestHex } from "../reference/digest.ts";
import type { BlobContent } from "./blob-upload.ts";
import { plainFileSize, readSmallFile, streamRange, unreadable } from "./file-content.ts";
import type { ImageSource } from "./image-store.ts";
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
    return (await this.#files.size(layoutBlobName(descriptor))) === descriptor.size;
  }

  blob(descriptor: Descriptor): BlobContent {
    return {
      descriptor,
      open: (offset) => this.#files.stream(layoutBlobName(descriptor), offset, descriptor.size - offset),
    };
  }

  async close(): Promise<void> {
    await this.#files.close();
  }
}

async function readManifest(files: LayoutFiles, descriptor: Descriptor): Promise<ManifestContent> {
  if ((await files.size(layoutBlobName(descriptor))) === undefined) {
    throw malformed(
      `${files.location} does not hold ${descriptor.digest}, which it names`,
      "an image of several platforms may have been saved with some of them only: save it whole, or one platform of it alone",
    );
  }
  const bytes = await files.read(layoutBlobName(descriptor), maxManifestBytes);
  verifyContent(bytes, descriptor, `${files.location} holds a wrong manifest`);
  parseManifest(bytes, descriptor.mediaType);
  return { descriptor, bytes };
}

/** The file of a blob within a layout. */
export function layoutBlobName({ digest }: Descriptor): string {
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
