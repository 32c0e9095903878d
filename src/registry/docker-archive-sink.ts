/**
 * Writes archives for `docker load`: one set of files, described twice, as an OCI layout and in docker's `manifest.json`, so that old
 * and new versions of docker, podman and skopeo can all load them. Blobs are written to the tar as they arrive.
 */
import { systemCode } from "../errors.ts";
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { digestAlgorithm, digestHex } from "../reference/digest.ts";
import { familiarReference, formatReference, type ImageReference } from "../reference/image-reference.ts";
import { removeLeftover, unwritable } from "./file-content.ts";
import { containerdNameAnnotation, layoutNameAnnotation } from "./image-layout.ts";
import type { ImageSink } from "./image-store.ts";
import { type Descriptor, type ManifestContent, malformed, mediaTypes, parseManifest } from "./manifest.ts";

/**
 * Opens an archive for writing. The file appears, or is replaced, when the image is complete.
 *
 * @param reference the name of the image when docker loads it; a digest alone gives none
 */
export function createDockerArchive(file: string, reference?: ImageReference): ImageSink {
  return new DockerArchiveSink(file, reference);
}

class DockerArchiveSink implements ImageSink {
  /** `docker load` wants one platform's image */
  readonly holdsIndexes = false;
  /** a tar is written one file at a time */
  readonly parallel = 1;
  readonly #file: string;
  readonly #reference: ImageReference | undefined;
  readonly #temporary: string;
  readonly #tar: Pack = pack();
  #written: Promise<void> | undefined;
  #manifest: ManifestContent | undefined;

  constructor(file: string, reference: ImageReference | undefined) {
    this.#file = file;
    this.#reference = reference;
    this.#temporary = join(dirname(file), `.${basename(file)}.tagseal-${randomUUID()}`);
  }

  hasBlob(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async writeBlob(descriptor: Descriptor, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#add(blobName(descriptor), descriptor.size, chunks);
  }

  async writeManifest(content: ManifestContent): Promise<void> {
    this.#manifest = content;
    await this.#add(blobName(content.descriptor), content.bytes.length, [content.bytes]);
  }

  async finish(root: Descriptor): Promise<void> {
    const image = this.#manifest === undefined ? undefined : parseManifest(this.#manifest.bytes, root.mediaType);
    if (image?.kind !== "image")
      throw malformed(`an archive for docker load holds one image, and ${root.digest} is not an image`);
    const tag =
      this.#reference?.tag === undefined
        ? undefined
        : { ...this.#reference, tag: this.#reference.tag, digest: undefined };
    const annotations =
      tag === undefined
        ? {}
        : { annotations: { [containerdNameAnnotation]: formatReference(tag), [layoutNameAnnotation]: tag.tag } };
    const manifest = {
      Config: blobName(image.config),
      RepoTags: tag === undefined ? null : [familiarReference(tag)],
      Layers: image.layers.map(blobName),
    };
    const entry = { mediaType: root.mediaType, digest: root.digest, size: root.size, ...annotations };
    await this.#addJson("oci-layout", { imageLayoutVersion: "1.0.0" });
    await this.#addJson("index.json", { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] });
    await this.#addJson("manifest.json", [manifest]);
    this.#tar.finalize();
    try {
      await this.#written;
      await rename(this.#temporary, this.#file);
    } catch (error) {
      throw unwritable(this.#file, error);
    }
  }

  async abort(): Promise<void> {
    this.#tar.destroy();
    // the writer has the error already; only remove the file
    await this.#written?.catch(() => undefined);
    await removeLeftover(this.#temporary);
  }

  async #addJson(name: string, value: object): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(value));
    await this.#add(name, bytes.length, [bytes]);
  }

  async #add(name: string, size: number, chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[]): Promise<void> {
    this.#written ??= this.#start();
    // always the same bytes for the same image: no clock, no owner
    const entry = this.#tar.entry({ name, size, mode: 0o644, mtime: new Date(0) });
    try {
      // a full disk ends the archive's pipeline first
      await Promise.race([pipeline(chunks, entry), this.#written.then(() => undefined)]);
    } catch (error) {
      throw systemCode(error).startsWith("E") ? unwritable(this.#file, error) : error;
    }
  }

  #start(): Promise<void> {
    const written = pipeline(this.#tar, createWriteStream(this.#temporary, { mode: 0o644, flags: "wx", flush: true }));
    // reported by #add or finish, whichever comes first
    written.catch(() => undefined);
    return written;
  }
}

function blobName({ digest }: Descriptor): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
