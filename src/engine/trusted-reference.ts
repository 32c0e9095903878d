import type { Digest } from "../reference/digest.ts";
import type { ImageReference } from "../reference/image-reference.ts";

/** A name and the digest it stands for. A tag is resolved once, and what was decided about is what is used (I5). */
export interface TrustedReference {
  /** with the digest, and with the tag unless only a digest was named */
  readonly reference: ImageReference;
  readonly digest: Digest;
}
