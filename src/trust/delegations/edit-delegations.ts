import { MetadataError, UsageError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import type { TrustContext } from "../trust-context.ts";
import { delegationIn, type DelegationState, requireDelegation } from "./declared-delegations.ts";
import { DelegationAddition, type NewDelegation } from "./delegation-addition.ts";
import { limitsOfUse } from "./delegation-use.ts";
import { type ConfirmRemoval, DelegationRemoval, type DelegationToRemove } from "./delegation-removal.ts";
import { KeyPurge } from "./key-purge.ts";

/** The result of {@link removeFromDelegation}. */
export interface RemovalResult {
  readonly declined: boolean;
  /** what is left of it; undefined when it is gone */
  readonly left: DelegationState | undefined;
}

/** The result of {@link purgeDelegationKeys}. */
export interface PurgeResult {
  readonly declined: boolean;
  /** the roles that had a key and have none of them now */
  readonly purged: readonly RoleName[];
}

/**
 * Declares a delegation, or adds keys and paths to one and sets its threshold.
 *
 * @throws UsageError `USAGE` for a name that is no delegation, a new one without keys, a threshold above the number of keys
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `METADATA_ROLE_UNKNOWN` without its parent or for paths outside the parent's
 * @throws KeyStoreError `SIGNING_KEY_MISSING` without the key of the parent
 */
export async function addToDelegation(context: TrustContext, wanted: NewDelegation): Promise<DelegationState> {
  requireDelegation(wanted.role);
  const { collection } = await publish(context, new HeldKeys(context), new DelegationAddition(wanted));
  const state = delegationIn(collection, wanted.role);
  if (state === undefined) throw new UsageError("USAGE", `${wanted.role} was replaced by another publisher`);
  const { gun, notify } = context;
  for (const message of limitsOfUse(collection, state)) notify({ kind: "warning", gun, message });
  return state;
}

/**
 * Removes a delegation with everything below it, or keys and paths from one.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `METADATA_ROLE_UNKNOWN` for a role or path that is not there
 * @throws KeyStoreError `KEY_NOT_FOUND` for a key that is not there; `SIGNING_KEY_MISSING` without the key of the parent
 */
export async function removeFromDelegation(
  context: TrustContext,
  unwanted: DelegationToRemove,
  confirm: ConfirmRemoval,
): Promise<RemovalResult> {
  requireDelegation(unwanted.role);
  const removal = new DelegationRemoval(unwanted, confirm);
  const { collection } = await publish(context, new HeldKeys(context), removal);
  return { declined: removal.declined, left: delegationIn(collection, unwanted.role) };
}

/**
 * Removes keys, given by either of their IDs, from every delegation whose parent's key is here.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `SIGNING_KEY_MISSING` when no parent can be signed here
 * @throws KeyStoreError `KEY_NOT_FOUND` for a key that no delegation has
 */
export async function purgeDelegationKeys(
  context: TrustContext,
  keyIds: readonly string[],
  confirm: ConfirmRemoval,
): Promise<PurgeResult> {
  const held = new HeldKeys(context);
  const purge = new KeyPurge(held, keyIds, confirm);
  const { collection } = await publish(context, held, purge);
  const purged = purge.rolesWithout(collection);
  if (purged.length > 0 || purge.declined) return { declined: purge.declined, purged };
  throw new MetadataError(
    "SIGNING_KEY_MISSING",
    `no key was removed: the delegations of ${context.gun} cannot be signed here`,
    { hint: "Where the role that declares them needs several keys and one of them is here, add --propose." },
  );
}

async function publish(
  context: TrustContext,
  held: HeldKeys,
  change: CollectionChange,
): Promise<{ readonly collection: TrustedCollection }> {
  return await publishChange(context, held, change, { initialise: false });
}
