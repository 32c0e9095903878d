/** Changes to the keys a root names. Pure: the old content in, the new one out. */

import type { PublicKey } from "../crypto/public-key.ts";
import type { Content } from "./collection-draft.ts";
import type { BaseRole, RootBody } from "./metadata.ts";

/** The keys a new collection starts with. */
export interface InitialKeys {
  /** an x509 key whose certificate names the collection */
  readonly rootKey: PublicKey;
  readonly targets: PublicKey;
  readonly snapshot: PublicKey;
  readonly timestamp: PublicKey;
}

/** A root with one key and threshold 1 for each role. */
export function initialRoot(keys: InitialKeys): Content<RootBody> {
  const byRole = { root: keys.rootKey, targets: keys.targets, snapshot: keys.snapshot, timestamp: keys.timestamp };
  return {
    type: "root",
    consistentSnapshot: false,
    keys: new Map(Object.values(byRole).map((key) => [key.keyId, key])),
    roles: new Map(Object.entries(byRole).map(([role, key]) => [role, { keyIds: [key.keyId], threshold: 1 }])),
  };
}

/**
 * Replaces the keys of a base role. Keys that no role uses any more are removed, except former root keys: the reference keeps their certificates.
 *
 * @see Notary v1: key rotation
 */
export function withBaseKeys(
  root: Content<RootBody>,
  role: BaseRole,
  newKeys: readonly PublicKey[],
  roleKeys: { keyIds: string[]; threshold: number },
): Content<RootBody> {
  const roles = new Map(root.roles).set(role, roleKeys);
  const keys = new Map(root.keys);
  for (const key of newKeys) keys.set(key.keyId, key);
  if (role !== "root") dropUnused(keys, root.roles.get(role)?.keyIds ?? [], roles);
  return { ...root, keys, roles };
}

function dropUnused(
  keys: Map<string, PublicKey>,
  candidates: readonly string[],
  roles: Content<RootBody>["roles"],
): void {
  const used = new Set([...roles.values()].flatMap((roleKeys) => roleKeys.keyIds ?? []));
  for (const id of candidates) {
    if (!used.has(id)) keys.delete(id);
  }
}
