/** Decides about an image by policies: reads trust data only when a rule asks for it, and never more than once. */
import { hasCode, MetadataError, TagsealError } from "../../errors.ts";
import { needTrustData, type Requirements } from "../../policy/requirements.ts";
import { decide, type Finding, type SignedFinding, type Verdict } from "../../policy/verdict.ts";
import type { Digest } from "../../reference/digest.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { TrustContext } from "../trust-context.ts";
import { type CurrentReading, readCurrent } from "./current-reading.ts";
import { releasedEntries, type SignedTag } from "./released-tags.ts";
import { signerKeysOf } from "./keys-of-signers.ts";
import { type VerifiedTag, verifiedTag } from "./verify.ts";

/** A verdict, and what it rests on. */
export interface DecidedImage {
  readonly verdict: Verdict;
  /** the tag that was verified; undefined for a digest alone, and when nothing was asked or found */
  readonly verified: VerifiedTag | undefined;
}

/**
 * Finds which of the signed manifests of an image's repository lists another manifest: the index of a platform's image. The first of them counts:
 * those that the policy accepts stand before those that it does not.
 *
 * @returns undefined when none of them does
 */
export type FindListing = (signed: readonly Digest[], wanted: Digest) => Promise<Digest | undefined>;

/**
 * Decides about the image of some requirements.
 *
 * @param open opens the collection of `requirements.identity` under these requirements; it is closed here
 * @param findListing asked about a digest that no tag is signed for; without it such a digest is refused
 * @throws TagsealError `CANCELLED`; everything else that fails is a reason to refuse, and in the verdict
 */
export async function decideImage(
  requirements: Requirements,
  open: () => Promise<TrustContext>,
  findListing?: FindListing,
): Promise<DecidedImage> {
  if (!needTrustData(requirements)) return decideFrom(requirements, undefined);
  return await decideWithListing(requirements, await readingOrReason([requirements], open), findListing);
}

/** {@link decideFrom}, where a digest that no tag is signed for counts as the signed manifest that lists it. @throws TagsealError `CANCELLED` */
export async function decideWithListing(
  requirements: Requirements,
  reading: CurrentReading | TagsealError,
  findListing: FindListing | undefined,
): Promise<DecidedImage> {
  const found = findSigned(requirements, reading);
  const asked = { verdict: decide(requirements, found.finding), verified: found.verified };
  const { digest: wanted } = requirements.identity;
  if (findListing === undefined || wanted === undefined || reading instanceof TagsealError) return asked;
  if (!mayBeListed(requirements, found)) return asked;
  const signed = acceptedFirst(requirements, reading, wanted);
  const listing = await orReason(() => findListing(signed, wanted));
  return { verdict: decide(requirements, findingOf(reading, wanted, listing) ?? found.finding), verified: undefined };
}

/** A digest that no tag is signed for may be part of what is signed. */
function mayBeListed({ identity }: Requirements, { finding }: Found): boolean {
  return identity.tag === undefined && "error" in finding && hasCode(finding.error, "TAG_NOT_SIGNED");
}

/** What is signed, in the order in which it is to be looked through: any that lists the digest and satisfies the policy is enough. */
function acceptedFirst(requirements: Requirements, reading: CurrentReading, wanted: Digest): readonly Digest[] {
  const signed = [...entriesByDigest(reading.collection).keys()];
  const isAccepted = (listing: Digest): boolean =>
    decide(requirements, { ...signedDigest(reading, listing), digest: wanted }).outcome === "allowed";
  const { accepted = [], others = [] } = Object.groupBy(signed, (each) => (isAccepted(each) ? "accepted" : "others"));
  return [...accepted, ...others];
}

/** What is signed of a digest is what is signed of the manifest that lists it. */
function findingOf(
  reading: CurrentReading,
  digest: Digest,
  listing: Digest | TagsealError | undefined,
): Finding | undefined {
  if (listing === undefined) return undefined;
  return listing instanceof TagsealError ? { error: listing } : { ...signedDigest(reading, listing), digest };
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

/**
 * Decides from a reading of the collection that the requirements name, or from the reason why there is none.
 *
 * @param reading undefined when {@link needTrustData} says that nothing is needed
 */
export function decideFrom(
  requirements: Requirements,
  reading: CurrentReading | TagsealError | undefined,
): DecidedImage {
  if (reading === undefined) return { verdict: decide(requirements, undefined), verified: undefined };
  const { finding, verified } = findSigned(requirements, reading);
  return { verdict: decide(requirements, finding), verified };
}

interface Found {
  readonly finding: Finding;
  readonly verified?: VerifiedTag;
}

/**
 * Reads a collection once, and closes it.
 *
 * @param asked what will be decided from the reading, all about this collection
 * @returns the reason why there is no reading
 * @throws TagsealError `CANCELLED`
 */
export async function readingOrReason(
  asked: readonly Requirements[],
  open: () => Promise<TrustContext>,
): Promise<CurrentReading | TagsealError> {
  const [tag, ...others] = new Set(asked.map(tagOf));
  return await orReason(() => readOnce(open, others.length > 0 ? undefined : tag));
}

async function readOnce(open: () => Promise<TrustContext>, onlyTag: string | undefined): Promise<CurrentReading> {
  const context = await open();
  try {
    return await readCurrent(context, onlyTag);
  } finally {
    context.close();
  }
}

/** The tag to decide about; undefined for a digest alone, which any tag may be signed for. */
function tagOf({ identity: { tag, digest } }: Requirements): string | undefined {
  return tag === undefined && digest === undefined ? "latest" : tag;
}

/** What work leads to, or why it fails. */
async function orReason<T>(work: () => Promise<T>): Promise<T | TagsealError> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TagsealError) || hasCode(error, "CANCELLED")) throw error;
    return error;
  }
}

function findSigned({ identity }: Requirements, reading: CurrentReading | TagsealError): Found {
  if (reading instanceof TagsealError) return { finding: { error: reading } };
  const { tag, digest } = identity;
  try {
    return tag === undefined && digest !== undefined
      ? { finding: signedDigest(reading, digest) }
      : signedTag(reading, tag ?? "latest", digest);
  } catch (error) {
    if (error instanceof TagsealError) return { finding: { error } };
    throw error;
  }
}

function signedTag(reading: CurrentReading, tag: string, expected: Digest | undefined): Found {
  const verified = verifiedTag(reading, tag, expected);
  const { digest, signers, freshness } = verified;
  const signerKeys = signerKeysOf(reading.collection);
  const { signedAt, validUntil } = freshness;
  return { finding: { digest, signers, signerKeys, signedAt, validUntil }, verified };
}

/** A digest counts while a tag is signed for it now. */
function signedDigest({ gun, collection, freshness }: CurrentReading, digest: Digest): SignedFinding {
  const entries = entriesByDigest(collection).get(digest) ?? [];
  if (entries.length === 0) throw unsignedDigest(gun, digest);
  const signers = [...new Set(entries.flatMap((entry) => entry.signers))].sort();
  const { signedAt, validUntil } = freshness;
  return { digest, signers, signerKeys: signerKeysOf(collection), signedAt, validUntil };
}

const indexed = new WeakMap<TrustedCollection, ReadonlyMap<Digest, readonly SignedTag[]>>();

/** Built once for a collection: a gate looks up many digests of one reading. */
function entriesByDigest(collection: TrustedCollection): ReadonlyMap<Digest, readonly SignedTag[]> {
  const known = indexed.get(collection);
  if (known !== undefined) return known;
  const built = Map.groupBy(
    releasedEntries(collection, () => undefined),
    ({ digest }) => digest,
  );
  indexed.set(collection, built);
  return built;
}

function unsignedDigest(gun: string, digest: Digest): MetadataError {
  return new MetadataError("TAG_NOT_SIGNED", `no tag of ${gun} is signed for ${digest} now`, {
    hint: 'Name the tag. To accept any digest, write "digests": "any" in the rule.',
  });
}
