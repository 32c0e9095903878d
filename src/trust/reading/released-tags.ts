import { hasCode, MetadataError } from "../../errors.ts";
import { type Digest, digestFromHex } from "../../reference/digest.ts";
import { findAllTargets, findTarget, type FoundTarget } from "../../tuf/lookup.ts";
import type { RoleName, Target } from "../../tuf/metadata.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { compareNatural } from "./natural-order.ts";

/** The role whose entries docker calls released; every signer signs it as well. */
export const releasesRole = "targets/releases";

/** The only roles that count for a tag; the first one that has it decides. Notary v1: pull and tag resolution. */
export const releasedRoles: readonly RoleName[] = [releasesRole, "targets"];

/** One released tag. */
export interface SignedTag {
  readonly tag: string;
  readonly digest: Digest;
  /** size of the manifest in bytes, as its signer wrote it */
  readonly length: number;
  /** `targets/releases` or `targets` */
  readonly role: RoleName;
  /** names of the signers of exactly this digest, sorted; empty when the repository key signed */
  readonly signers: readonly string[];
}

/**
 * Resolves a tag as docker does: `targets/releases` first, then `targets`, and no other role.
 *
 * @throws MetadataError `TAG_NOT_SIGNED`, in docker's words
 */
export function findReleasedTag(collection: TrustedCollection, tag: string): SignedTag {
  const found = findTarget(collection, tag, releasedRoles);
  if (found === undefined) throw notSignedTag(`No valid trust data for ${tag}`);
  // The walk of `targets` enters other delegations as well: one signer's entry is not a release.
  if (!isReleased(found)) throw notSignedTag(`No trust data for ${tag}`);
  const digest = digestOf(found.target);
  if (digest === undefined) throw notSignedTag(`no valid hash, expecting sha256: ${tag} in ${found.role} has none`);
  const all = findAllTargets(collection, tag);
  return { tag, digest, length: found.target.length, role: found.role, signers: signersOf(all, tag, digest) };
}

/** The result of {@link findReleasedTag}; undefined for a tag that is not signed. */
export function releasedEntryOf(collection: TrustedCollection, tag: string): SignedTag | undefined {
  try {
    return findReleasedTag(collection, tag);
  } catch (error) {
    if (hasCode(error, "TAG_NOT_SIGNED")) return undefined;
    throw error;
  }
}

/**
 * Every released entry in natural order of tags. A tag that `targets/releases` and `targets` bind to different digests appears twice, the
 * deciding entry first.
 *
 * @param onSkipped called with entries that have no sha256 and so name no image
 */
export function releasedEntries(collection: TrustedCollection, onSkipped: (tag: string) => void): SignedTag[] {
  const all = findAllTargets(collection, "");
  const vouchers = vouchersByEntry(all);
  const entries = new Map<string, SignedTag>();
  for (const role of releasedRoles) {
    for (const { name: tag, target } of all.filter((found) => found.role === role)) {
      const digest = digestOf(target);
      if (digest === undefined) onSkipped(tag);
      else if (!entries.has(entryKey(tag, digest))) {
        const key = entryKey(tag, digest);
        entries.set(key, { tag, digest, length: target.length, role, signers: sortedNames(vouchers.get(key)) });
      }
    }
  }
  // The sort is stable, so the order of the roles is kept among entries of one tag.
  return [...entries.values()].sort((a, b) => compareNatural(a.tag, b.tag));
}

/** The name docker shows for a delegation: `alice` for `targets/alice`. */
export function signerName(role: RoleName): string {
  return role.slice("targets/".length);
}

/** The digest a target binds; undefined without a sha256 of the right length. */
export function digestOf(target: Target): Digest | undefined {
  const hash = target.hashes.get("sha256");
  return hash?.length === 32 ? digestFromHex("sha256", Buffer.from(hash).toString("hex")) : undefined;
}

function isReleased(found: FoundTarget): boolean {
  return releasedRoles.includes(found.role);
}

function signersOf(all: readonly FoundTarget[], tag: string, digest: Digest): string[] {
  return sortedNames(vouchersByEntry(all).get(entryKey(tag, digest)));
}

function vouchersByEntry(all: readonly FoundTarget[]): Map<string, Set<string>> {
  const vouchers = new Map<string, Set<string>>();
  for (const { name, role, target } of all) {
    const digest = digestOf(target);
    if (digest === undefined || releasedRoles.includes(role)) continue;
    const key = entryKey(name, digest);
    vouchers.set(key, (vouchers.get(key) ?? new Set()).add(signerName(role)));
  }
  return vouchers;
}

/** A digest has no spaces, so no two entries share a key. */
function entryKey(tag: string, digest: Digest): string {
  return `${digest} ${tag}`;
}

function sortedNames(names: ReadonlySet<string> | undefined): string[] {
  return [...(names ?? [])].sort();
}

function notSignedTag(message: string): MetadataError {
  return new MetadataError("TAG_NOT_SIGNED", message, { hint: "Ask the publisher to sign this tag." });
}
