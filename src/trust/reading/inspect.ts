import { listDelegations } from "../../tuf/lookup.ts";
import { baseRoleSigners } from "../../tuf/role-signers.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { readCollection } from "./collection-reading.ts";
import { skippingWarning } from "./list.ts";
import { releasedTags, releasesRole, type SignedTag, signerName } from "./released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** A signer and the canonical IDs of its keys. */
export interface SignerKeys {
  readonly name: string;
  readonly keyIds: readonly string[];
  /** how many of them must sign */
  readonly threshold: number;
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
  /** how many of these keys must sign */
  readonly rootThreshold: number;
  readonly repositoryThreshold: number;
}

/**
 * Returns everything that `docker trust inspect` shows, in one update. Changes staged by other tools are not touched.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 * @see Notary v1: inspect
 */
export async function inspectTrust(context: TrustContext): Promise<TrustInspection> {
  const { tags, ...inspection } = await readInspection(context);
  return { ...inspection, tags: [...tags()] };
}

/** {@link TrustInspection} whose tags come one at a time, as often as they are asked for. */
export interface InspectionReading extends Omit<TrustInspection, "tags"> {
  readonly tags: () => Iterable<SignedTag>;
}

/** {@link inspectTrust} for lists that need not be in memory as a whole. @throws as it does */
export async function readInspection(context: TrustContext): Promise<InspectionReading> {
  const collection = await readCollection(context);
  const root = baseRoleSigners(collection.root, "root").roleKeys;
  const repository = baseRoleSigners(collection.root, "targets").roleKeys;
  return {
    gun: context.gun,
    cached: collection.isTimestampCached === true,
    tags: releasedTags(collection, skippingWarning(context)),
    signers: signersIn(collection),
    rootKeyIds: root.keyIds ?? [],
    repositoryKeyIds: repository.keyIds ?? [],
    rootThreshold: root.threshold,
    repositoryThreshold: repository.threshold,
  };
}

function signersIn(collection: TrustedCollection): SignerKeys[] {
  return listDelegations(collection)
    .filter(({ role }) => role.name !== releasesRole)
    .map(({ role, canonicalKeyIds, threshold }) => ({
      name: signerName(role.name),
      keyIds: canonicalKeyIds,
      threshold,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
