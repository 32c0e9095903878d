/**
 * Proposed changes that not enough keys have signed yet: ordinary role files, each with a part of its signatures. Pure, like all of `tuf/`:
 * files and servers that carry proposals are elsewhere, and nothing in one is believed before `judged-proposal.ts` has looked at it.
 */

import { sha256Hex } from "../../crypto/sha256.ts";
import type { MetadataFile, RoleName } from "../metadata.ts";
import { fileBytes } from "../notary-v1/serialise.ts";
import { dayMs } from "../expiry.ts";

/** A proposed change of one collection. */
export interface Proposal {
  readonly gun: string;
  /** no signature is added after this, nor by a server the change published; not signed itself */
  readonly expiresAt: Date;
  /** the next version of each role that changes; not verified */
  readonly files: ReadonlyMap<RoleName, MetadataFile>;
}

/** How long a proposal is open, unless its maker says otherwise: two weeks. */
export const proposalLifetimeMs = 14 * dayMs;

/**
 * The name of a proposal: the same change has the same name with any signatures, so that each signature finds its place.
 *
 * @returns 64 hexadecimal digits
 */
export function proposalId({ gun, files }: Pick<Proposal, "gun" | "files">): string {
  const lines = [...files].map(([role, file]) => `${role} ${sha256Hex(file.signedBytes)}`).toSorted();
  return sha256Hex(Buffer.from([gun, ...lines].join("\n"), "utf8"));
}

/**
 * One proposal with the signatures of both. Of two signatures by one key the first is kept; the earlier end counts.
 *
 * @param one `other` is the same change: both have the same name
 */
export function mergedProposal(one: Proposal, other: Proposal): Proposal {
  const files = [...one.files].map(([role, file]) => {
    const signedBy = new Set(file.signatures.map(({ keyId }) => keyId));
    const added = other.files.get(role)?.signatures.filter(({ keyId }) => !signedBy.has(keyId)) ?? [];
    return [role, withSignatures(file, [...file.signatures, ...added])] as const;
  });
  return { ...one, expiresAt: new Date(Math.min(+one.expiresAt, +other.expiresAt)), files: new Map(files) };
}

/** The same file with other signatures, in the form that all readers hash. */
export function withSignatures(file: MetadataFile, signatures: MetadataFile["signatures"]): MetadataFile {
  return { ...file, signatures, bytes: fileBytes(file.body, signatures) };
}
