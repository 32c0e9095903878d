import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { expiredDelegations } from "../renewal/endings.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import { releasedEntryOf, type SignedTag } from "../reading/released-tags.ts";
import { requirePermission } from "./must-exist.ts";
import type { TrustContext } from "../trust-context.ts";

/** The state of a tag before a publisher signs it. */
export interface CurrentSignature {
  /** the repository has trust data */
  readonly isInitialised: boolean;
  /** the digest that the tag is currently signed for */
  readonly signed: SignedTag | undefined;
}

/**
 * Looks up a tag as every signing command does, not as a reader: an expired file that the new signature repairs still shows
 * which digest the tag means. Never use the result to verify an image.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` for one that may not be created either; what an update can refuse; NetworkError
 */
export async function currentSignature(context: TrustContext, tag: string): Promise<CurrentSignature> {
  const collection = await readForWriting(context);
  if (collection === undefined) {
    requirePermission(context);
    return { isInitialised: false, signed: undefined };
  }
  return { isInitialised: true, signed: releasedEntryOf(withExpired(collection), tag) };
}

function withExpired(collection: TrustedCollection): TrustedCollection {
  const expired = expiredDelegations(collection).map((file) => [file.role, file] as const);
  return { ...collection, delegations: new Map([...collection.delegations, ...expired]) };
}
