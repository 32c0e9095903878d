/** Decides about an image by policies: reads trust data only when a rule asks for it, and never more than once. */
import { hasCode, MetadataError, TagsealError } from "../../errors.ts";
import { needTrustData, type Requirements } from "../../policy/requirements.ts";
import { decide, type Finding, type SignedFinding, type Verdict } from "../../policy/verdict.ts";
import type { Digest } from "../../reference/digest.ts";
import type { TrustContext } from "../trust-context.ts";
import { readCollection } from "./collection-reading.ts";
import { freshnessOf } from "./freshness.ts";
import { releasedEntries } from "./released-tags.ts";
import { type VerifiedTag, verifyTag } from "./verify.ts";

/** A verdict, and what it rests on. */
export interface DecidedImage {
  readonly verdict: Verdict;
  /** the tag that was verified; undefined for a digest alone, and when nothing was asked or found */
  readonly verified: VerifiedTag | undefined;
}

/**
 * Decides about the image of some requirements.
 *
 * @param open opens the collection of `requirements.identity` under these requirements; it is closed here
 * @throws TagsealError `CANCELLED`; everything else that fails is a reason to refuse, and in the verdict
 */
export async function decideImage(
  requirements: Requirements,
  open: () => Promise<TrustContext>,
): Promise<DecidedImage> {
  if (!needTrustData(requirements)) return { verdict: decide(requirements, undefined), verified: undefined };
  const { finding, verified } = await findSigned(requirements, open);
  return { verdict: decide(requirements, finding), verified };
}

/**
 * What a verdict allows to be used.
 *
 * @returns the digest to use; undefined when nothing was verified, and the name is used as it is
 * @throws TagsealError the reason of a refusal
 */
export function allowedDigest(verdict: Verdict): Digest | undefined {
  if (verdict.outcome === "refused") throw verdict.error;
  return verdict.digest;
}

interface Found {
  readonly finding: Finding;
  readonly verified?: VerifiedTag;
}

async function findSigned({ identity }: Requirements, open: () => Promise<TrustContext>): Promise<Found> {
  try {
    const context = await open();
    try {
      const { tag, digest } = identity;
      return tag === undefined && digest !== undefined
        ? { finding: await signedDigest(context, digest) }
        : await signedTag(context, tag ?? "latest", digest);
    } finally {
      context.close();
    }
  } catch (error) {
    if (!(error instanceof TagsealError) || hasCode(error, "CANCELLED")) throw error;
    return { finding: { error } };
  }
}

async function signedTag(context: TrustContext, tag: string, expected: Digest | undefined): Promise<Found> {
  const verified = await verifyTag(context, tag, expected);
  const { digest, signers, freshness } = verified;
  return { finding: { digest, signers, signedAt: freshness.signedAt, validUntil: freshness.validUntil }, verified };
}

/** A digest counts while a tag is signed for it now. */
async function signedDigest(context: TrustContext, digest: Digest): Promise<SignedFinding> {
  const collection = await readCollection(context);
  const entries = releasedEntries(collection, () => undefined).filter((entry) => entry.digest === digest);
  if (entries.length === 0) throw unsignedDigest(context, digest);
  const signers = [...new Set(entries.flatMap((entry) => entry.signers))].sort();
  const { signedAt, validUntil } = await freshnessOf(context, collection);
  return { digest, signers, signedAt, validUntil };
}

function unsignedDigest({ gun }: TrustContext, digest: Digest): MetadataError {
  return new MetadataError("TAG_NOT_SIGNED", `no tag of ${gun} is signed for ${digest} now`, {
    hint: 'Name the tag, or the digest of the whole index. To accept any digest, write "digests": "any" in the rule.',
  });
}
