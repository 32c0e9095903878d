import { TagsealError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import type { RoleName } from "../tuf/metadata.ts";
import type { TrustContext } from "./trust-context.ts";

/** One released tag. */
export interface SignedTag {
  readonly tag: string;
  readonly digest: Digest;
  /** size of the manifest in bytes */
  readonly length: number;
  /** `targets/releases` or `targets` */
  readonly role: RoleName;
  /** names of the signers who vouch for this very digest, sorted; empty when the repository key signed */
  readonly signers: readonly string[];
}

/**
 * Lists every released tag, in natural order (`v2` before `v10`), each once. Entries without a sha256 are left out with a warning.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 */
export async function listTags(context: TrustContext): Promise<readonly SignedTag[]> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun}`);
}
