import { isDirectChild } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import {
  type DelegationKey,
  delegationIn,
  delegationsIn,
  type DelegationState,
  listsKey,
} from "../delegations/declared-delegations.ts";
import { readCollection } from "../reading/collection-reading.ts";
import { releasesRole, signerName } from "../reading/released-tags.ts";
import type { TrustContext } from "../trust-context.ts";

/** A signer's key, and whether its private key is on this machine. */
export interface ListedSignerKey extends DelegationKey {
  readonly here: boolean;
}

/** A signer of a repository. */
export interface ListedSigner {
  readonly name: string;
  readonly keys: readonly ListedSignerKey[];
  /** how many of the keys must sign */
  readonly threshold: number;
  /** why clients do not take what this signer signs, one clause each; empty when they do */
  readonly problems: readonly string[];
}

/**
 * Lists the signers of a repository in ascending order, with their keys. Unlocks no key.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and everything an update can refuse
 */
export async function listSigners(context: TrustContext): Promise<ListedSigner[]> {
  const collection = await readCollection(context);
  const signers: ListedSigner[] = [];
  for (const state of delegationsIn(collection)) {
    if (state.role === releasesRole || !isDirectChild("targets", state.role)) continue;
    const keys: ListedSignerKey[] = [];
    for (const key of state.keys) keys.push({ ...key, here: await isHere(context, key) });
    const { role, threshold } = state;
    signers.push({ name: signerName(role), keys, threshold, problems: problemsOf(collection, state) });
  }
  return signers.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function isHere({ keys }: TrustContext, { keyId }: DelegationKey): Promise<boolean> {
  return (await keys.find(keyId)) !== undefined;
}

function problemsOf(collection: TrustedCollection, state: DelegationState): string[] {
  const problems = ownProblems(state);
  const releases = delegationIn(collection, releasesRole);
  if (releases === undefined || !state.keys.some(({ keyId }) => listsKey(releases, keyId)))
    problems.push(`none of its keys is in ${releasesRole}`);
  else if (!releases.usable)
    problems.push(`${releasesRole} has fewer keys than its threshold of ${releases.threshold}`);
  return problems;
}

function ownProblems({ keys, threshold, usable, paths, file, expires }: DelegationState): string[] {
  const problems: string[] = [];
  if (!usable) problems.push(`has ${keys.length} of the ${threshold} keys that it needs`);
  if (paths.length === 0) problems.push("may sign no tag: it has no paths");
  if (file === "expired") problems.push(`its file expired at ${expires}`);
  if (file === "unsigned") problems.push("its file was signed by too few of its present keys");
  return problems;
}
