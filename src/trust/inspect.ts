import { TagsealError } from "../errors.ts";
import type { SignedTag } from "./list.ts";
import type { TrustContext } from "./trust-context.ts";

/** A signer and the canonical IDs of its keys. */
export interface SignerKeys {
  readonly name: string;
  readonly keyIds: readonly string[];
}

/** Who signed what in one repository. */
export interface TrustInspection {
  readonly gun: string;
  /** released tags in natural order; one signed differently in both released roles appears twice */
  readonly tags: readonly SignedTag[];
  /** sorted by name, ascending */
  readonly signers: readonly SignerKeys[];
  /** IDs of root certificates, as in root.json */
  readonly rootKeyIds: readonly string[];
  readonly repositoryKeyIds: readonly string[];
}

/**
 * Tells everything `docker trust inspect` shows, in one update.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 */
export async function inspectTrust(context: TrustContext): Promise<TrustInspection> {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${context.gun}`);
}
