/** What images are copied from and to, besides registries: a layout directory, an archive file. */
import type { BlobContent } from "./blob-upload.ts";
import type { Descriptor, ManifestContent } from "./manifest.ts";

/** An image on disk, to be read. Close it when done. */
export interface ImageSource {
  /** for messages: the directory or file */
  readonly location: string;
  /** the image's manifest or index */
  readonly root: ManifestContent;
  /** Reads a manifest the root leads to and verifies it. @throws NetworkError `IMAGE_MALFORMED`, `REGISTRY_DIGEST_MISMATCH` */
  manifest(descriptor: Descriptor): Promise<ManifestContent>;
  /** Answers whether the blob is there, with the size its descriptor says. */
  hasBlob(descriptor: Descriptor): Promise<boolean>;
  /** A blob the root leads to; its bytes are checked by whoever receives them. */
  blob(descriptor: Descriptor): BlobContent;
  close(): Promise<void>;
}

/** A place on disk an image is written to. Until `finish` has resolved the place holds what it held before, as far as readers can tell. */
export interface ImageSink {
  /** false when only one platform's image fits */
  readonly holdsIndexes: boolean;
  /** how many blobs may be written at once */
  readonly parallel: number;
  /** Answers whether the blob is there already, its bytes checked. */
  hasBlob(descriptor: Descriptor): Promise<boolean>;
  /** Stores a blob. `chunks` verifies itself: it ends normally only when digest and size are right; nothing is kept when it throws. */
  writeBlob(descriptor: Descriptor, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Stores a manifest whose blobs, and whose children, are stored. */
  writeManifest(content: ManifestContent): Promise<void>;
  /** Makes `root` the image at this place. */
  finish(root: Descriptor): Promise<void>;
  /** Gives up: nothing of what was begun remains. Also called after a failed `finish`; harmless after a good one. */
  abort(): Promise<void>;
}
