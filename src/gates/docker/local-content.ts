/** Whether what the engine has under a name is what may be used. Names of local images prove nothing: any client can give any image any name. */
import { hasCode, MetadataError, TagsealError, UsageError } from "../../errors.ts";
import type { Verdict } from "../../policy/verdict.ts";
import type { Digest } from "../../reference/digest.ts";
import {
  familiarName,
  familiarReference,
  type ImageReference,
  parseImageReference,
} from "../../reference/image-reference.ts";
import { allowedDigest } from "../../trust/reading/decide-image.ts";

/** An image that the engine has. */
export interface LocalImage {
  /** `sha256:` and 64 hexadecimal digits */
  readonly id: string;
  /**
   * names with the digests under which it was pulled: `RepoDigests`. Their content has these digests, whatever their names are. containerd's image
   * store gives digests also to images that no registry has
   */
  readonly digests: readonly string[];
}

/** Decides about a name. @throws as the decisions of a gate do */
export type Decide = (reference: ImageReference) => Promise<Verdict>;

/** True when the engine found an image by its ID, whole or shortened, and not by a name. */
export function isNamedById(name: string, { id }: LocalImage): boolean {
  const hex = name.replace(/^sha256:/u, "");
  return /^[0-9a-f]+$/u.test(hex) && id.replace(/^sha256:/u, "").startsWith(hex);
}

/**
 * Checks that an image of the engine may be used under a name.
 *
 * @param local undefined when the engine has none: it will say so itself
 * @throws MetadataError `TAG_DIGEST_MISMATCH` when it has another; what `decide` refuses with
 */
export async function checkNamedImage(
  reference: ImageReference,
  local: LocalImage | undefined,
  decide: Decide,
): Promise<void> {
  const digest = allowedDigest(await decide(reference));
  if (digest === undefined || local === undefined || hasDigest(local, digest)) return;
  throw new MetadataError(
    "TAG_DIGEST_MISMATCH",
    `the local image ${familiarReference(reference)} is not the one that is signed, ${digest}`,
    { hint: `Fetch that: docker pull ${pinned(reference, digest)}` },
  );
}

/**
 * Checks that an image of the engine that is named by its ID may be used: one of the names under which it was pulled must allow its digest.
 *
 * @throws what the last of them is refused with; UsageError `COMMAND_NOT_COVERED` for an image that no registry has
 */
export async function checkImageOfId(local: LocalImage, decide: Decide): Promise<void> {
  let refusal: TagsealError = new UsageError(
    "COMMAND_NOT_COVERED",
    `the image ${local.id} was not pulled from a registry`,
    {
      hint: "Push it, sign it, and use its name.",
    },
  );
  for (const reference of local.digests.flatMap(parsedOr)) {
    try {
      return void allowedDigest(await decide(reference));
    } catch (error) {
      if (!(error instanceof TagsealError) || hasCode(error, "CANCELLED")) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** The shortest name of exactly this digest. */
export function pinned(reference: ImageReference, digest: Digest): string {
  return `${familiarName(reference)}@${digest}`;
}

function hasDigest({ digests }: LocalImage, digest: Digest): boolean {
  return digests.some((name) => name.endsWith(`@${digest}`));
}

function parsedOr(name: string): readonly ImageReference[] {
  try {
    return [parseImageReference(name)];
  } catch (error) {
    if (error instanceof UsageError) return [];
    throw error;
  }
}
