/** What keeps a delegation from being of use, in sentences for those who change it. */
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { releasesRole } from "../reading/released-tags.ts";
import { delegationIn, type DelegationState } from "./declared-delegations.ts";

/** Why readers take nothing from a delegation that was changed; empty when they do. */
export function limitsOfUse(collection: TrustedCollection, { role, paths, file }: DelegationState): string[] {
  const limits: string[] = [];
  if (paths.length === 0) limits.push(`${role} has no paths and may sign nothing until it gets some`);
  if (file === "unsigned") limits.push(`what ${role} signed does not count until enough of its keys sign again`);
  if (delegationIn(collection, releasesRole) === undefined)
    limits.push(
      `tags of ${collection.gun} are now signed by its delegations, and clients take none of them before there is ${releasesRole}`,
    );
  return limits;
}
