/** Changes to the keys a root names. Pure: the old content in, the new one out. */

import type { PublicKey } from "../crypto/public-key.ts";
import { UsageError } from "../errors.ts";
import type { Content } from "./collection-draft.ts";
import type { BaseRole, RootBody } from "./metadata.ts";
import { countDistinct } from "./threshold.ts";

/** The keys a new collection starts with. */
export interface InitialKeys {
  /** an x509 key whose certificate names the collection */
  readonly rootKey: PublicKey;
  /** more such keys */
  readonly moreRootKeys?: readonly PublicKey[];
  /** how many of them sign the root; 1 when absent */
  readonly rootThreshold?: number;
  readonly targets: PublicKey;
  readonly snapshot: PublicKey;
  readonly timestamp: PublicKey;
}

/**
 * A root with one key and threshold 1 for each role, unless the root role has more.
 *
 * @throws UsageError `USAGE` for fewer root keys than their threshold
 */
export function initialRoot(keys: InitialKeys): Content<RootBody> {
  const byRole = { root: keys.rootKey, targets: keys.targets, snapshot: keys.snapshot, timestamp: keys.timestamp };
  const root: Content<RootBody> = {
    type: "root",
    consistentSnapshot: false,
    keys: new Map(Object.values(byRole).map((key) => [key.keyId, key])),
    roles: new Map(Object.entries(byRole).map(([role, key]) => [role, { keyIds: [key.keyId], threshold: 1 }])),
  };
  const { rootKey, moreRootKeys = [], rootThreshold = 1 } = keys;
  return withBaseKeys(root, "root", [rootKey, ...moreRootKeys], rootThreshold);
}

/**
 * Replaces the keys of a base role. Keys that no role uses any more are removed, except former root keys: the reference keeps their certificates.
 *
 * @throws UsageError `USAGE` for fewer different keys than the threshold, or a threshold below 1
 * @see Notary v1: key rotation
 */
export function withBaseKeys(
  root: Content<RootBody>,
  role: BaseRole,
  newKeys: readonly PublicKey[],
  threshold: number,
): Content<RootBody> {
  requireReachableThreshold(role, newKeys, threshold);
  const keyIds = [...new Set(newKeys.map((key) => key.keyId))];
  const roles = new Map(root.roles).set(role, { keyIds, threshold });
  const keys = new Map(root.keys);
  for (const key of newKeys) keys.set(key.keyId, key);
  if (role !== "root") dropUnused(keys, root.roles.get(role)?.keyIds ?? [], roles);
  return { ...root, keys, roles };
}

/**
 * Refuses a threshold that the keys cannot reach. Two certificates of one key are one key: every reader of ours counts them so.
 *
 * @throws UsageError `USAGE`
 */
export function requireReachableThreshold(role: BaseRole, keys: readonly PublicKey[], threshold: number): void {
  const count = countDistinct(keys);
  if (Number.isSafeInteger(threshold) && threshold >= 1 && threshold <= count) return;
  throw new UsageError("USAGE", `${role} would have ${count} of the ${threshold} keys that must sign`, {
    hint: "Give more keys, or a lower threshold.",
  });
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
