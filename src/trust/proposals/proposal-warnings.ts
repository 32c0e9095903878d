/**
 * What a direct publication of the same change warns of, for people who decide whether to sign it: computed from what is published and what would be, and
 * not from what the proposer said. The sentences are those of the direct publications.
 */

import { hasCode } from "../../errors.ts";
import { comingBack, unusable, unusableRoles } from "../../tuf/delegation-editing.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { isTargetsFile, type JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { everyKeySigns } from "../publishing/every-key-signs.ts";
import { newCertificate } from "../renewal/repair.ts";
import { entriesReturn, forgottenFile } from "../signers/forgotten-file.ts";
import type { TrustContext } from "../trust-context.ts";
import { collectionAfter, type FilesByRole } from "./collection-after.ts";
import { delegationChanges } from "./delegation-warnings.ts";
import { entryWarnings } from "./entry-warnings.ts";

/**
 * The warnings about a proposal, one sentence each; none for most.
 *
 * @param before what is published, verified
 * @throws NetworkError when the server does not say what it has of a role that comes back
 */
export async function proposalWarnings(
  context: Pick<TrustContext, "repository">,
  before: TrustedCollection,
  proposal: JudgedProposal,
): Promise<readonly string[]> {
  const returning = returningRoles(before, proposal);
  const after = collectionAfter(before, proposal, await forgottenFiles(context, before, returning));
  const all = [
    ...rootWarnings(before, after),
    ...returning.map(comingBack),
    ...returns(before, after, proposal),
    ...delegationChanges(before, after),
    ...[...proposal.files.values()]
      .filter(isTargetsFile)
      .flatMap((file) => unusableRoles(file.body.delegations).map(unusable)),
    ...entryWarnings(before, after, proposal),
  ];
  return [...new Set(all)];
}

function rootWarnings(before: TrustedCollection, after: TrustedCollection): string[] {
  if (before.root === after.root) return [];
  const warnings = (["root", "targets"] as const).flatMap((role) => {
    const [old, now] = [baseRoleSigners(before.root, role).roleKeys, baseRoleSigners(after.root, role).roleKeys];
    const isSame = old.threshold === now.threshold && old.keyIds?.join() === now.keyIds?.join();
    const warning = isSame ? undefined : everyKeySigns(role, now);
    return warning === undefined ? [] : [warning];
  });
  const known = keysOf(baseRoleSigners(before.root, "root"));
  const replaced = keysOf(baseRoleSigners(after.root, "root")).filter(
    (key) =>
      !known.some(({ keyId }) => keyId === key.keyId) &&
      known.some(({ canonicalKeyId }) => canonicalKeyId === key.canonicalKeyId),
  );
  return [...warnings, ...replaced.map(({ keyId }) => newCertificate(keyId))];
}

/** The roles of the proposal that were removed once: a snapshot made by a server lists such roles for ever, and the server keeps their files. */
function returningRoles(before: TrustedCollection, { files }: JudgedProposal): readonly RoleName[] {
  const declared = new Set(listDelegations(before).map(({ role }) => role.name));
  return [...files.values()]
    .filter(isTargetsFile)
    .flatMap(({ body }) => (body.delegations.roles ?? []).map(({ name }) => name))
    .filter((name) => !declared.has(name) && before.snapshot.body.meta.has(name) && !files.has(name));
}

/** What is known of them. A machine without a network cannot look. */
async function forgottenFiles(
  context: Pick<TrustContext, "repository">,
  before: TrustedCollection,
  roles: readonly RoleName[],
): Promise<FilesByRole> {
  const known = new Map<RoleName, TargetsFile>();
  for (const role of roles) {
    try {
      const file = await forgottenFile(context, before, role);
      if (file !== undefined) known.set(role, file);
    } catch (error) {
      if (!hasCode(error, "NETWORK_UNREACHABLE", "NETWORK_TIMEOUT")) throw error;
    }
  }
  return known;
}

/** Files that do not count now, will, and are not signed again by the proposal. */
function returns(before: TrustedCollection, after: TrustedCollection, { files }: JudgedProposal): string[] {
  return [...after.delegations.values()]
    .filter(({ role, body }) => !files.has(role) && !before.delegations.has(role) && body.targets.size > 0)
    .map((file) => entriesReturn(file, after.gun));
}
