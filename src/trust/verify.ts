import { TagsealError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import type { RoleName } from "../tuf/metadata.ts";
import type { TrustContext } from "./trust-context.ts";

/** A tag whose signature was verified just now. */
export interface VerifiedTag {
  readonly gun: string;
  readonly tag: string;
  readonly digest: Digest;
  /** size of the manifest in bytes, as its signer wrote it */
  readonly length: number;
  /** where the released entry stands: `targets/releases` or `targets` */
  readonly role: RoleName;
  /** names of the signers who vouch for this very digest, sorted; empty when the repository key signed */
  readonly signers: readonly string[];
  /** true when the root was seen for the first time during this call */
  readonly pinnedOnFirstUse: boolean;
  /** until when the answer may be believed without asking again */
  readonly freshUntil: Date;
}

/**
 * Verifies what a tag is signed for, now.
 *
 * @param expected refuse unless the tag is signed for exactly this digest
 * @throws MetadataError `TAG_NOT_SIGNED`, `TAG_DIGEST_MISMATCH`, `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 * @throws NetworkError when the server cannot be asked and nothing fresh is cached
 */
export async function verifyTag(context: TrustContext, tag: string, expected?: Digest): Promise<VerifiedTag> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun}:${tag}@${expected}`);
}
