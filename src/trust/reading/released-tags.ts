import { hasCode, MetadataError } from "../../errors.ts";
import { type Digest, digestFromHex } from "../../reference/digest.ts";
import { findTarget, type FoundTarget, type WalkedFile, walkedFiles } from "../../tuf/lookup.ts";
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
  requireReadFor(collection, tag);
  const found = findTarget(collection, tag, releasedRoles);
  if (found === undefined) throw notSignedTag(`No valid trust data for ${tag}`);
  // The walk of `targets` enters other delegations as well: one signer's entry is not a release.
  if (!isReleased(found)) throw notSignedTag(`No trust data for ${tag}`);
  const digest = digestOf(found.target);
  if (digest === undefined) throw notSignedTag(`no valid hash, expecting sha256: ${tag} in ${found.role} has none`);
  const signers = signersOf(walkedFiles(collection).filter(isSigners), tag, digest);
  return { tag, digest, length: found.target.length, role: found.role, signers };
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
 * Reads every released entry in natural order of tags, one at a time: fifty thousand need hardly more memory than one. A tag that
 * `targets/releases` and `targets` bind to different digests appears twice, the deciding entry first.
 *
 * @param onSkipped called with entries that have no sha256 and so name no image
 * @returns reads them all, each time it is called
 */
export function releasedTags(
  collection: TrustedCollection,
  onSkipped: (tag: string) => void,
): () => Iterable<SignedTag> {
  requireReadFor(collection, undefined);
  const files = walkedFiles(collection);
  const released = releasedRoles.flatMap((role) => files.filter(({ file }) => file.role === role));
  const signing = files.filter(isSigners);
  const names = [...namesIn(released)].sort(compareNatural);
  return function* () {
    for (const tag of names) {
      const bound = new Set<Digest>();
      for (const { role, target } of entriesFor(tag, released)) {
        const digest = digestOf(target);
        if (digest === undefined) onSkipped(tag);
        else if (!bound.has(digest)) {
          bound.add(digest);
          yield { tag, digest, length: target.length, role, signers: signersOf(signing, tag, digest) };
        }
      }
    }
  };
}

/** {@link releasedTags} as a list. */
export function releasedEntries(collection: TrustedCollection, onSkipped: (tag: string) => void): SignedTag[] {
  return [...releasedTags(collection, onSkipped)()];
}

/** What was read for one tag says nothing about others: a mistake of the caller must not look like a missing signature. */
function requireReadFor({ onlyTarget }: TrustedCollection, tag: string | undefined): void {
  if (onlyTarget === undefined || onlyTarget === tag) return;
  throw new MetadataError("METADATA_ORDER", `only ${onlyTarget} was read, not ${tag ?? "all tags"}`);
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

function namesIn(files: readonly WalkedFile[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { file, paths } of files)
    for (const name of file.body.targets.keys()) if (paths.covers(name)) names.add(name);
  return names;
}

/** The entries of one name in these files, in their order. */
function entriesFor(name: string, files: readonly WalkedFile[]): FoundTarget[] {
  return files.flatMap(({ file, paths }) => {
    const target = paths.covers(name) ? file.body.targets.get(name) : undefined;
    return target === undefined ? [] : [{ name, role: file.role, target }];
  });
}

function isSigners({ file }: WalkedFile): boolean {
  return !releasedRoles.includes(file.role);
}

/** Which of these roles bind a tag to exactly this digest. */
function signersOf(signing: readonly WalkedFile[], tag: string, digest: Digest): string[] {
  const roles = entriesFor(tag, signing).filter(({ target }) => digestOf(target) === digest);
  return [...new Set(roles.map(({ role }) => signerName(role)))].sort();
}

function notSignedTag(message: string): MetadataError {
  return new MetadataError("TAG_NOT_SIGNED", message, { hint: "Ask the publisher to sign this tag." });
}
