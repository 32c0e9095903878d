import { hasCode } from "../errors.ts";
import type { TrustedCollection } from "../tuf/trusted-collection.ts";
import { readForWriting } from "./collection-reading.ts";
import { releasedEntryOf, type SignedTag } from "./released-tags.ts";
import type { TrustContext } from "./trust-context.ts";

/** What a publisher finds under a tag before signing it. */
export interface CurrentSignature {
  /** the repository has trust data */
  readonly isInitialised: boolean;
  /** what the tag is signed for until now */
  readonly signed: SignedTag | undefined;
}

/**
 * Looks a tag up as every command that signs does, not as a reader: what has expired, and is repaired by the signature to come, still says
 * which digest the tag means. Nothing a reader may believe comes from here.
 *
 * @throws MetadataError what an update can refuse; NetworkError
 */
export async function currentSignature(context: TrustContext, tag: string): Promise<CurrentSignature> {
  const collection = await readForWriting(context);
  if (collection === undefined) return { isInitialised: false, signed: undefined };
  return { isInitialised: true, signed: releasedEntryOf(withExpired(collection), tag) };
}

function withExpired(collection: TrustedCollection): TrustedCollection {
  const expired = [...collection.invalidDelegations]
    .filter(([, { error }]) => hasCode(error, "METADATA_EXPIRED"))
    .map(([role, { file }]) => [role, file] as const);
  return { ...collection, delegations: new Map([...collection.delegations, ...expired]) };
}
