/** What a removal means for those who sign and for those who read, in sentences for the question before it. */
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { releasesRole } from "../reading/released-tags.ts";
import { delegationsIn, type DelegationState, listsKey, needsSignaturesOf } from "./declared-delegations.ts";

/** The effects of removing keys, given by either of their IDs, from one delegation. */
export function effectsOfKeyRemoval(
  collection: TrustedCollection,
  state: DelegationState,
  keyIds: readonly string[],
): string[] {
  const { role, keys, threshold } = state;
  const removed = keys.filter(({ keyId, listedKeyId }) => keyIds.includes(keyId) || keyIds.includes(listedKeyId));
  const left = keys.length - removed.length;
  if (removed.length === 0) return [];
  if (left < threshold)
    return [
      `${role} will have ${left} of the ${threshold} keys that must sign: nothing that it signs counts until it gets more`,
    ];
  const ids = removed.map(({ keyId }) => keyId);
  if (!needsSignaturesOf(collection, role, ids)) return [];
  const { count, words } = entries(collection, role);
  return [`${words} of ${role} ${count === 1 ? "does" : "do"} not count until a remaining key signs again`];
}

/** The effects of leaving one delegation these paths of those that it has. */
export function effectsOfPathRemoval({ role, paths }: DelegationState, left: readonly string[]): string[] {
  return left.length === 0 && paths.length > 0 ? [`${role} may sign nothing without paths`] : [];
}

/** The effects of removing one delegation with those below it. */
export function effectsOfRoleRemoval(
  collection: TrustedCollection,
  { role }: DelegationState,
  below: readonly DelegationState[],
): string[] {
  const effects: string[] = [];
  const roles = [role, ...below.map((state) => state.role)];
  if (below.length > 0) effects.push(`${below.map((state) => state.role).join(", ")} go with ${role}`);
  for (const name of roles) {
    const { count, words } = entries(collection, name);
    if (count > 0) effects.push(`${words} of ${name} ${count === 1 ? "is" : "are"} not trusted any more`);
  }
  const isLast = delegationsIn(collection).every((state) => roles.includes(state.role));
  if (isLast) effects.push("no delegation is left: the repository key signs tags again");
  else if (role === releasesRole) effects.push(`without ${releasesRole}, clients take no tag from a signer`);
  return effects;
}

/** The delegations that list one of these keys. */
export function rolesWithKeys(collection: TrustedCollection, keyIds: readonly string[]): DelegationState[] {
  return delegationsIn(collection).filter((state) => keyIds.some((id) => listsKey(state, id)));
}

function entries({ delegations }: TrustedCollection, role: string): { readonly count: number; readonly words: string } {
  const count = delegations.get(role)?.body.targets.size ?? 0;
  return { count, words: count === 1 ? "1 entry" : `${count} entries` };
}
