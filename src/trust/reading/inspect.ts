import { listDelegations } from "../../tuf/lookup.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { readCollection } from "./collection-reading.ts";
import { warnSkipped } from "./list.ts";
import { releasedEntries, releasesRole, type SignedTag, signerName } from "./released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** A signer and the canonical IDs of its keys. */
export interface SignerKeys {
  readonly name: string;
  readonly keyIds: readonly string[];
}

/** Who signed what in one repository. */
export interface TrustInspection {
  readonly gun: string;
  /** the server did not answer: this is its last known answer */
  readonly cached: boolean;
  /** released tags in natural order; one signed differently in both released roles appears twice */
  readonly tags: readonly SignedTag[];
  /** sorted by name, ascending */
  readonly signers: readonly SignerKeys[];
  /** IDs of root certificates, as in root.json */
  readonly rootKeyIds: readonly string[];
  readonly repositoryKeyIds: readonly string[];
}

/**
 * Returns everything that `docker trust inspect` shows, in one update. Changes staged by other tools are not touched.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 * @see Notary v1: inspect
 */
export async function inspectTrust(context: TrustContext): Promise<TrustInspection> {
  const collection = await readCollection(context);
  return {
    gun: context.gun,
    cached: collection.isTimestampCached === true,
    tags: releasedEntries(collection, (tag) => warnSkipped(context, tag)),
    signers: signersIn(collection),
    rootKeyIds: collection.root.body.roles.get("root")?.keyIds ?? [],
    repositoryKeyIds: collection.root.body.roles.get("targets")?.keyIds ?? [],
  };
}

function signersIn(collection: TrustedCollection): SignerKeys[] {
  return listDelegations(collection)
    .filter(({ role }) => role.name !== releasesRole)
    .map(({ role, canonicalKeyIds }) => ({ name: signerName(role.name), keyIds: canonicalKeyIds }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
