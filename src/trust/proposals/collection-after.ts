/** What readers will have when a proposal is published. */

import { MetadataError } from "../../errors.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { isRootFile, isTargetsFile, type JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { isSignedBy } from "../../tuf/threshold.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";

/** Targets files by role. */
export type FilesByRole = ReadonlyMap<RoleName, TargetsFile>;

/**
 * A collection with the files of a proposal in the place of the present ones, as if they had all signatures. Delegations that are not proposed count if the
 * keys signed them that may afterwards.
 *
 * @param forgotten files that the server still has of roles that the collection does not declare
 */
export function collectionAfter(
  before: TrustedCollection,
  { files }: JudgedProposal,
  forgotten: FilesByRole,
): TrustedCollection {
  const proposed = new Map([...files.values()].filter(isTargetsFile).map((file) => [file.role, file]));
  const root = [...files.values()].find(isRootFile) ?? before.root;
  const targets = proposed.get("targets") ?? before.targets;
  const delegations = new Map<RoleName, TargetsFile>();
  const invalidDelegations = new Map(before.invalidDelegations);
  const visit = (parent: TargetsFile): void => {
    const { roles, keys } = parent.body.delegations;
    for (const role of roles ?? []) {
      const { name } = role;
      invalidDelegations.delete(name);
      const own = proposed.get(name);
      const invalid = before.invalidDelegations.get(name);
      const file = own ?? before.delegations.get(name) ?? invalid?.file ?? forgotten.get(name);
      if (file === undefined) continue;
      const hasExpired = own === undefined && invalid?.error.code === "METADATA_EXPIRED";
      if (!hasExpired && (own !== undefined || isSignedBy(file, role, keys))) {
        delegations.set(name, file);
        visit(file);
      } else invalidDelegations.set(name, { file, error: invalid?.error ?? notSigned(name) });
    }
  };
  visit(targets);
  return { ...before, root, targets, delegations, invalidDelegations };
}

function notSigned(role: RoleName): MetadataError {
  return new MetadataError("METADATA_THRESHOLD_NOT_MET", `${role} is signed by keys that do not count`);
}
