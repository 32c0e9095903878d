/** Targets as notary knows them: files of any kind in any role, where `released-tags.ts` knows the tags of images only. */
import { compareUtf8 } from "../../encoding/json.ts";
import { MetadataError, UsageError } from "../../errors.ts";
import { verifyFileMeta } from "../../tuf/file-hashes.ts";
import { findTarget, type FoundTarget, listTargets } from "../../tuf/lookup.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isDelegation } from "../../tuf/role-name.ts";
import type { TrustContext } from "../trust-context.ts";
import { readCollection } from "./collection-reading.ts";

/** A target that was just verified. */
export interface SignedTarget extends FoundTarget {
  /** the server did not answer: this is its last known answer */
  readonly cached: boolean;
}

/**
 * Lists the targets of a collection, sorted by name, each once.
 *
 * @param roles in order of preference, each with all below it; none: `targets` and all below
 * @throws UsageError `USAGE` for a role that cannot have targets; MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 */
export async function listSignedTargets(
  context: TrustContext,
  roles: readonly RoleName[] = [],
): Promise<readonly SignedTarget[]> {
  requireTargetRoles(roles);
  const collection = await readCollection(context);
  const cached = collection.isTimestampCached === true;
  const found = roles.length === 0 ? listTargets(collection) : listTargets(collection, roles);
  return found
    .map(({ name, role, target }) => ({ name, role, target, cached }))
    .sort((a, b) => compareUtf8(a.name, b.name));
}

/**
 * Finds the target with this name, in `targets` or any role below it.
 *
 * @throws MetadataError `TAG_NOT_SIGNED` when there is none; `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 */
export async function lookUpTarget(context: TrustContext, name: string): Promise<SignedTarget> {
  const collection = await readCollection(context);
  const found = findTarget(collection, name);
  if (found !== undefined) return { ...found, cached: collection.isTimestampCached === true };
  throw new MetadataError("TAG_NOT_SIGNED", `No valid trust data for ${name}`, {
    hint: `List what is signed: tagseal trust target list ${context.gun}`,
  });
}

/**
 * Checks that content is what a target was signed for: its size, and every hash that is listed and known.
 *
 * @throws MetadataError `METADATA_LENGTH_MISMATCH`; `METADATA_HASH_MISMATCH`, also when no known hash is listed
 */
export function verifyContent({ name, target }: FoundTarget, content: Uint8Array): void {
  verifyFileMeta(`the content for ${JSON.stringify(name)}`, content, target);
}

/** Checks the names of roles. @throws UsageError `USAGE` for a role that cannot have targets */
export function requireTargetRoles(roles: readonly RoleName[]): void {
  const wrong = roles.find((role) => role !== "targets" && !isDelegation(role));
  if (wrong === undefined) return;
  throw new UsageError("USAGE", `a role with targets is targets or targets/NAME, not ${JSON.stringify(wrong)}`);
}
