/** Sources and targets of image copies besides registries: a layout directory, an archive file. */
import type { BlobContent } from "./blob-upload.ts";
import type { Descriptor, ManifestContent } from "./manifest.ts";

/** An image on disk, to be read. Close it when done. */
export interface ImageSource {
  /** for messages: the directory or file */
  readonly location: string;
  /** the image's manifest or index */
  readonly root: ManifestContent;
  /** Reads and verifies a manifest below the root. @throws NetworkError `IMAGE_MALFORMED`, `REGISTRY_DIGEST_MISMATCH` */
  manifest(descriptor: Descriptor): Promise<ManifestContent>;
  /** Answers whether the blob is there, with the size its descriptor says. */
  hasBlob(descriptor: Descriptor): Promise<boolean>;
  /** A blob below the root; the receiver verifies its bytes. */
  blob(descriptor: Descriptor): BlobContent;
  close(): Promise<void>;
}

/** A target on disk for an image. Until `finish` has resolved, readers see the earlier content. */
export interface ImageSink {
  /** false when only one platform's image fits */
  readonly holdsIndexes: boolean;
  /** how many blobs may be written at once */
  readonly parallel: number;
  /** True when the blob is stored already; its bytes are checked. */
  hasBlob(descriptor: Descriptor): Promise<boolean>;
  /** Stores a blob. `chunks` verifies itself: it ends normally only with the right digest and size; when it throws, nothing is kept. */
  writeBlob(descriptor: Descriptor, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Stores a manifest whose blobs, and whose children, are stored. */
  writeManifest(content: ManifestContent): Promise<void>;
  /** Makes `root` the image of this target. */
  finish(root: Descriptor): Promise<void>;
  /** Cancels: no incomplete content stays. Also called after a failed `finish`; harmless after a successful one. */
  abort(): Promise<void>;
}
