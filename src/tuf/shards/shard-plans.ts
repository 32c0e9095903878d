/** How the roles of a draft are split, and when they cannot be. */

import type { Content, TargetsDraft } from "../collection-draft.ts";
import { withoutDelegation } from "../delegation-editing.ts";
import type { Delegations, RoleName, TargetsBody } from "../metadata.ts";
import type { SigningRequirement } from "../role-signing.ts";
import type { DraftSigningOptions } from "../signing-needs.ts";
import { indexRoleOf, type ShardIndex, type ShardPlan } from "./shard-index.ts";
import { delegationsTo } from "./shard-signing.ts";

/** What indexes say about how to go on. */
export function plansOf(indexes: ReadonlyMap<RoleName, ShardIndex>): Map<RoleName, ShardPlan> {
  return new Map(
    [...indexes].map(([role, published]) => [
      role,
      { prefixes: published.shards.map(({ prefix }) => prefix), published },
    ]),
  );
}

/** True when a role has delegations besides the index: shards say nothing about these, so readers must read the whole role. */
export function hasOtherDelegations(role: RoleName, { roles }: Delegations): boolean {
  return (roles ?? []).some(({ name }) => name !== indexRoleOf(role));
}

/** What is signed of a role, and how it is split; without a plan it is not split now. */
export interface SplitContent {
  readonly content: Content<TargetsBody>;
  readonly plan?: ShardPlan;
}

/** The content of a role with the declaration of its index: old clients and servers take no file that nothing declares. */
export function splitContent(
  plan: ShardPlan | undefined,
  { content }: TargetsDraft,
  about: {
    readonly role: RoleName;
    readonly requirement: SigningRequirement;
    readonly options: Pick<DraftSigningOptions, "onWarning" | "underSigned">;
  },
): SplitContent {
  const { role, requirement, options } = about;
  if (plan === undefined) return { content };
  const { delegations, targets } = content;
  if (targets.size === 0) {
    options.onWarning?.(`${role} has no entries left, and no shards any more`);
    return { content: { ...content, delegations: withoutDelegation(delegations, indexRoleOf(role)) } };
  }
  const obstacle = hasOtherDelegations(role, delegations)
    ? "it has other delegations"
    : options.underSigned === true
      ? "their index names the file with all of its signatures"
      : undefined;
  if (obstacle !== undefined) {
    options.onWarning?.(`the shards of ${role} are not signed again, and readers take the whole role: ${obstacle}`);
    return { content };
  }
  const { roleKeys, keys } = requirement;
  const index = { ...roleKeys, name: indexRoleOf(role), paths: [""] };
  return { content: { ...content, delegations: delegationsTo([index], keys) }, plan };
}
