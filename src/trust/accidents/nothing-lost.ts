/** Whether a key was lost at all, or an earlier run has repaired the loss. */

import { TagsealError } from "../../errors.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { MetadataCache } from "../../tuf/updater.ts";
import { namedKeys } from "../rotation/replaced-keys.ts";
import type { RoleCandidates } from "./role-candidates.ts";

/**
 * True when every key of the role is on this machine, or is the spare. If the user names lost keys, they are keys that the root before this one
 * had, as far as this machine remembers it.
 */
export async function isNothingLost(
  candidates: RoleCandidates,
  collection: TrustedCollection,
  cache: MetadataCache,
): Promise<boolean> {
  const { named, here, spare, replace } = candidates;
  if (here.length === 0 || !named.every((keyId) => keyId === spare || here.includes(keyId))) return false;
  if (replace.some((keyId) => named.includes(keyId))) return false;
  return replace.length === 0 || (await wereReplaced(candidates, collection, cache));
}

async function wereReplaced(
  { role, replace }: RoleCandidates,
  { root }: TrustedCollection,
  cache: MetadataCache,
): Promise<boolean> {
  const bytes = await cache.pastRoot?.(root.body.version - 1);
  if (bytes === undefined) return false;
  try {
    const { body } = parseMetadata("root", bytes);
    const before = namedKeys(body.roles.get(role), body.keys).map(({ canonicalId }) => canonicalId);
    return replace.every((keyId) => before.includes(keyId));
  } catch (error) {
    if (error instanceof TagsealError) return false;
    throw error;
  }
}
