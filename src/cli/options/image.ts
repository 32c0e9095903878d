/** Image arguments: parsed at the edge, with docker's default tag. */
import { UsageError } from "../../errors.ts";
import {
  familiarReference,
  gunOf,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../../reference/image-reference.ts";

/** An image argument, with the typed text for messages. */
export interface ImageArgument {
  readonly typed: string;
  readonly reference: ImageReference;
  readonly gun: string;
}

/** Parses an image argument. @throws UsageError `REFERENCE_INVALID` */
export function imageArgument(typed: string): ImageArgument {
  const reference = parseImageReference(typed);
  return { typed, reference, gun: gunOf(reference) };
}

/** An image argument with a tag; `latest` when none was given, as in docker. */
export interface TaggedImage extends ImageArgument {
  readonly tag: string;
}

/**
 * Parses an image argument that must name a tag.
 *
 * @throws UsageError `REFERENCE_INVALID`; `USAGE` for a digest without a tag
 */
export function taggedImage(typed: string): TaggedImage {
  const argument = imageArgument(typed);
  const reference = withDefaultTag(argument.reference);
  if (reference.tag === undefined) {
    throw new UsageError("USAGE", `${typed} names a digest, and signatures are for tags`, {
      hint: "Name a tag, such as IMAGE:TAG; a digest is exact without a signature.",
    });
  }
  return { ...argument, reference, tag: reference.tag };
}

/** Prints an image with its digest: `alpine:3@sha256:…`. */
export function withDigest(reference: ImageReference, digest: ImageReference["digest"]): string {
  return familiarReference({ ...reference, digest });
}
