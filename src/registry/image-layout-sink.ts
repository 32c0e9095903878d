/** Writes images into an OCI image layout, new or existing. */
import { join } from "node:path";
import type { JsonObject } from "../encoding/json.ts";
import { holdsContent, plainFileSize, readSmallFile, writeWhole } from "./file-content.ts";
import { layoutBlobName, layoutNameAnnotation } from "./image-layout.ts";
import type { ImageSink } from "./image-store.ts";
import {
  type Descriptor,
  type ManifestContent,
  maxManifestBytes,
  member,
  parseDescriptor,
  parseDocument,
} from "./manifest.ts";

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
    return await holdsContent(this.#path(layoutBlobName(descriptor)), descriptor);
  }

  async writeBlob(descriptor: Descriptor, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await writeWhole(this.#path(layoutBlobName(descriptor)), chunks);
  }

  async writeManifest(content: ManifestContent): Promise<void> {
    await writeWhole(this.#path(layoutBlobName(content.descriptor)), [content.bytes]);
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
