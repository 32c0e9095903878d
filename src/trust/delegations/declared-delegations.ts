import { UsageError } from "../../errors.ts";
import { isSignedBy } from "../../tuf/threshold.ts";
import { listDelegations, type ListedDelegation } from "../../tuf/lookup.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isDelegation, parentOf } from "../../tuf/role-name.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { readCollection } from "../reading/collection-reading.ts";
import type { TrustContext } from "../trust-context.ts";

/** A key of a delegation, in both forms in which users meet its ID. */
export interface DelegationKey {
  /** the ID of the bare key: the name of its file, and what `trust inspect` prints */
  readonly keyId: string;
  /** the ID in the signed files; another one for a key that was added as a certificate */
  readonly listedKeyId: string;
}

/** What readers make of a delegation's file: it counts, it has expired, too few of its keys signed it, or there is none. */
export type DelegationFile = "signed" | "expired" | "unsigned" | "none";

/** A delegation as its parent declares it, and its published file. */
export interface DelegationState {
  readonly role: RoleName;
  /** literal prefixes of names, `""` for every name; without any it can sign nothing */
  readonly paths: readonly string[];
  readonly keys: readonly DelegationKey[];
  readonly threshold: number;
  readonly file: DelegationFile;
  /** of the published file, as its signer wrote it */
  readonly expires: string | undefined;
  /** false while it has fewer keys than its threshold: nothing that it signs counts */
  readonly usable: boolean;
}

/**
 * Lists the delegations of a repository, parents before children.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 * @see Notary v1: delegation list
 */
export async function readDelegations(context: TrustContext): Promise<DelegationState[]> {
  return delegationsIn(await readCollection(context));
}

/** The same for a collection that was read. */
export function delegationsIn(collection: TrustedCollection): DelegationState[] {
  return listDelegations(collection).map((listed) => stateOf(collection, listed));
}

/** What a collection says about one delegation; undefined when nothing declares it. */
export function delegationIn(collection: TrustedCollection, role: RoleName): DelegationState | undefined {
  return delegationsIn(collection).find((state) => state.role === role);
}

/** True for a role that lists the key, by either of its IDs. */
export function listsKey({ keys }: DelegationState, id: string): boolean {
  return keys.some(({ keyId, listedKeyId }) => keyId === id || listedKeyId === id);
}

/** True when the role's file counts now and does not without these keys, given by the IDs of the bare keys. */
export function needsSignaturesOf(
  collection: TrustedCollection,
  role: RoleName,
  canonicalIds: readonly string[],
): boolean {
  const file = collection.delegations.get(role);
  const state = delegationIn(collection, role);
  const parent = targetsFileOf(collection, parentOf(role));
  if (file === undefined || state === undefined || parent === undefined || file.body.targets.size === 0) return false;
  const left = state.keys.filter(({ keyId }) => !canonicalIds.includes(keyId)).map(({ listedKeyId }) => listedKeyId);
  return !isSignedBy(file, { keyIds: left, threshold: state.threshold }, parent.body.delegations.keys);
}

/** Refuses a name that no delegation can have. @throws UsageError `USAGE` */
export function requireDelegation(role: RoleName): void {
  if (isDelegation(role)) return;
  throw new UsageError("USAGE", `${JSON.stringify(role)} cannot be a delegation`, {
    hint: 'Its name is "targets/" and lower-case letters, digits, "-" or "_", such as targets/dev or targets/dev/nightly.',
  });
}

function stateOf(
  collection: TrustedCollection,
  { role, canonicalKeyIds, threshold }: ListedDelegation,
): DelegationState {
  const listed = role.keyIds ?? [];
  const valid = collection.delegations.get(role.name);
  const invalid = collection.invalidDelegations.get(role.name);
  return {
    role: role.name,
    paths: role.paths ?? [],
    keys: listed.map((listedKeyId, index) => ({ keyId: canonicalKeyIds[index] ?? listedKeyId, listedKeyId })),
    threshold,
    file: valid !== undefined ? "signed" : invalid === undefined ? "none" : fileOf(invalid.error.code),
    expires: (valid ?? invalid?.file)?.body.expires,
    usable: new Set(canonicalKeyIds).size >= threshold,
  };
}

function fileOf(code: string): DelegationFile {
  return code === "METADATA_EXPIRED" ? "expired" : "unsigned";
}
