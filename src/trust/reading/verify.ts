import { MetadataError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import { type CurrentReading, readCurrent } from "./current-reading.ts";
import type { Freshness } from "./freshness.ts";
import { findReleasedTag, type SignedTag } from "./released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** A tag whose signature has just been verified. */
export interface VerifiedTag extends SignedTag {
  readonly gun: string;
  /** true when the root was seen for the first time during this call */
  readonly pinnedOnFirstUse: boolean;
  /** until when the answer may be trusted without asking again */
  readonly freshUntil: Date;
  /** the server did not answer: this is its last known answer */
  readonly cached: boolean;
  readonly freshness: Freshness;
}

/**
 * Verifies the current digest of a tag. With nothing new on the server this is one request.
 *
 * @param expected refuse unless the tag is signed for exactly this digest
 * @throws MetadataError `TAG_NOT_SIGNED`, `TAG_DIGEST_MISMATCH`, `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 * @throws NetworkError when the server cannot be reached and nothing fresh is cached
 */
export async function verifyTag(context: TrustContext, tag: string, expected?: Digest): Promise<VerifiedTag> {
  return verifiedTag(await readCurrent(context, tag), tag, expected);
}

/**
 * The digest that a tag is signed for in a collection that has just been read.
 *
 * @param expected refuse unless the tag is signed for exactly this digest
 * @throws MetadataError `TAG_NOT_SIGNED`, `TAG_DIGEST_MISMATCH`
 */
export function verifiedTag(reading: CurrentReading, tag: string, expected?: Digest): VerifiedTag {
  const { gun, collection, freshness } = reading;
  const found = findReleasedTag(collection, tag);
  if (expected !== undefined && found.digest !== expected) throw mismatch(gun, found, expected);
  const { validUntil: freshUntil, cached } = freshness;
  return { ...found, gun, pinnedOnFirstUse: collection.pinnedOnFirstUse, freshUntil, cached, freshness };
}

function mismatch(gun: string, found: SignedTag, expected: Digest): MetadataError {
  const message = `${gun}:${found.tag} is signed for another digest: expected ${expected}, signed ${found.digest}`;
  return new MetadataError("TAG_DIGEST_MISMATCH", message, {
    hint: "The tag has moved, or never meant this image. To use these exact bytes without trust in the tag, leave the tag out.",
  });
}
