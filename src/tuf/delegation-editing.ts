/** Changes to the `delegations` part of one targets file. Pure: the old value in, the new one out; the editor decides who may sign it. */

import type { PublicKey } from "../crypto/public-key.ts";
import { MetadataError } from "../errors.ts";
import type { DelegatedRole, Delegations, RoleName } from "./metadata.ts";

/** What to change about a delegation; what is left out stays as it is. */
export interface DelegationChange {
  /** appended in order; a key already there is not added twice */
  readonly addKeys?: readonly PublicKey[];
  /** canonical key IDs (the ID a certificate has as a key object does too); one that is not there removes nothing */
  readonly removeKeys?: readonly string[];
  /** literal prefixes of target names, `""` for every name; appended without duplicates */
  readonly addPaths?: readonly string[];
  readonly removePaths?: readonly string[];
  /** removes all existing paths before `addPaths` are added */
  readonly clearPaths?: boolean;
  /** how many keys must sign; absent: 1 for a role that is new, and unchanged for another */
  readonly threshold?: number;
}

/**
 * Creates or changes the delegation `name`. A role whose last key was removed stays, unusable until it gets one.
 *
 * @throws MetadataError `METADATA_MALFORMED` for a new role without keys, or a threshold below 1
 * @see Notary v1: change semantics
 */
export function withDelegation(delegations: Delegations, name: RoleName, change: DelegationChange): Delegations {
  const roles = delegations.roles ?? [];
  const before = roles.find((role) => role.name === name);
  const after = before === undefined ? newRole(name, change) : changedRole(before, change, delegations.keys);
  const keys = new Map(delegations.keys);
  for (const key of change.addKeys ?? []) keys.set(key.keyId, key);
  const changed = before === undefined ? [...roles, after] : roles.map((role) => (role === before ? after : role));
  return { keys: usedKeys(keys, changed), roles: changed };
}

/** Removes the delegation `name` and every key that nothing else uses. A delegation that does not exist is no error. */
export function withoutDelegation(delegations: Delegations, name: RoleName): Delegations {
  const roles = delegations.roles?.filter((role) => role.name !== name) ?? [];
  if (roles.length === (delegations.roles ?? []).length) return delegations;
  // null, not []: the reference writes it so, and what is hashed is how it was written
  return { keys: usedKeys(delegations.keys, roles), roles: roles.length === 0 ? null : roles };
}

/** Removes the keys with these canonical IDs from every role. Returns the given value when none of them is listed. */
export function withoutKeys(delegations: Delegations, canonicalIds: readonly string[]): Delegations {
  const affected = (delegations.roles ?? []).filter((role) => holdsKey(role, delegations.keys, canonicalIds));
  return affected.reduce(
    (result, role) => withDelegation(result, role.name, { removeKeys: canonicalIds }),
    delegations,
  );
}

/** The names of the roles that cannot be used because they have fewer keys than their threshold. */
export function unusableRoles(delegations: Delegations): DelegatedRole[] {
  // Two certificates for one key count once.
  const bareId = (id: string): string => delegations.keys.get(id)?.bareKeyId ?? id;
  return (delegations.roles ?? []).filter((role) => new Set((role.keyIds ?? []).map(bareId)).size < role.threshold);
}

/** The warning about one of them. */
export function unusable({ name, threshold }: DelegatedRole): string {
  return `role ${name} has fewer keys than its threshold of ${threshold}; it will not be usable until keys are added to it`;
}

function newRole(name: RoleName, change: DelegationChange): DelegatedRole {
  const { addKeys = [], addPaths = [], threshold = 1 } = change;
  if (addKeys.length === 0) {
    throw new MetadataError("METADATA_MALFORMED", `tuf: invalid role ${name}. a new delegation needs at least one key`);
  }
  requireThreshold(name, threshold);
  return { name, keyIds: unique(addKeys.map((key) => key.keyId)), paths: pathsOrNone(unique(addPaths)), threshold };
}

function requireThreshold(name: RoleName, threshold: number): void {
  if (threshold >= 1 && Number.isSafeInteger(threshold)) return;
  const message = `tuf: invalid role ${name}. a delegation needs a threshold of 1 or more, got ${threshold}`;
  throw new MetadataError("METADATA_MALFORMED", message);
}

function changedRole(role: DelegatedRole, change: DelegationChange, keys: Delegations["keys"]): DelegatedRole {
  const { addKeys = [], removeKeys = [], addPaths = [], removePaths = [], clearPaths = false } = change;
  const { threshold = role.threshold } = change;
  requireThreshold(role.name, threshold);
  const kept = (role.keyIds ?? []).filter((id) => !matches(keys.get(id), removeKeys));
  const keyIds = unique([...kept, ...addKeys.map((key) => key.keyId)]);
  const keptPaths = clearPaths ? [] : (role.paths ?? []).filter((path) => !removePaths.includes(path));
  // an unchanged list keeps its spelling (null or []); one that became empty is null, as the reference writes it
  const untouched = keyIds.length === 0 && (role.keyIds ?? []).length === 0;
  return {
    ...role,
    threshold,
    keyIds: untouched ? role.keyIds : keyIds.length === 0 ? null : keyIds,
    paths: pathsOrNone(unique([...keptPaths, ...addPaths])),
  };
}

function holdsKey(role: DelegatedRole, keys: Delegations["keys"], canonicalIds: readonly string[]): boolean {
  return (role.keyIds ?? []).some((id) => matches(keys.get(id), canonicalIds));
}

function matches(key: PublicKey | undefined, ids: readonly string[]): boolean {
  if (key === undefined || ids.length === 0) return false;
  return ids.includes(key.keyId) || (key.bareKeyId !== undefined && ids.includes(key.bareKeyId));
}

function usedKeys(keys: Delegations["keys"], roles: readonly DelegatedRole[]): Delegations["keys"] {
  const used = new Set(roles.flatMap((role) => role.keyIds ?? []));
  return new Map([...keys].filter(([id]) => used.has(id)));
}

function pathsOrNone(paths: readonly string[]): readonly string[] | undefined {
  return paths.length === 0 ? undefined : paths;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** Warns the signer of a delegation that had content before. */
export function comingBack(role: RoleName): string {
  return `${role} existed before: what it signed then becomes valid again if one of its keys now is one that signed it`;
}

/** Refuses a name that is not a delegation of the collection. */
export function unknownRole(role: RoleName): MetadataError {
  return new MetadataError("METADATA_ROLE_UNKNOWN", `tuf: invalid role ${role}. no valid delegated role exists`);
}

/** Refuses paths of a delegation that its parent may not sign itself. */
export function pathsOutside(role: RoleName, parent: RoleName, paths: readonly string[]): MetadataError {
  return new MetadataError(
    "METADATA_ROLE_UNKNOWN",
    `tuf: invalid role ${role}. invalid paths to add to role: ${parent} may not sign ${JSON.stringify(paths)} itself`,
  );
}
