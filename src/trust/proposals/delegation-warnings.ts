/** What a change of delegations means for signers and readers, in the sentences of the commands that make it at once. */

import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { isWithin, parentOf } from "../../tuf/role-name.ts";
import { delegationIn, delegationsIn, type DelegationState } from "../delegations/declared-delegations.ts";
import { limitsOfUse } from "../delegations/delegation-use.ts";
import { effectsOfKeyRemoval, effectsOfPathRemoval, effectsOfRoleRemoval } from "../delegations/removal-effects.ts";
import { noSignerLeft } from "../publishing/signable-roles.ts";
import { releasesRole } from "../reading/released-tags.ts";

/** Warnings about delegations that are new, changed or removed. */
export function delegationChanges(before: TrustedCollection, after: TrustedCollection): string[] {
  return [
    ...delegationsIn(after).flatMap((state) => changed(before, after, state)),
    ...removed(before, after),
    ...(hasSigner(before) && !hasSigner(after) && delegationIn(after, releasesRole) !== undefined
      ? [noSignerLeft(after.gun)]
      : []),
  ];
}

function changed(before: TrustedCollection, after: TrustedCollection, state: DelegationState): string[] {
  const old = delegationIn(before, state.role);
  if (old === undefined || gains(old, state)) return limitsOfUse(after, state);
  const kept = state.keys.map(({ keyId }) => keyId);
  const gone = old.keys.map(({ keyId }) => keyId).filter((keyId) => !kept.includes(keyId));
  const isSignedAgain =
    state.file === "signed" && after.delegations.get(state.role) !== before.delegations.get(state.role);
  return [...(isSignedAgain ? [] : effectsOfKeyRemoval(before, old, gone)), ...effectsOfPathRemoval(old, state.paths)];
}

function gains(old: DelegationState, state: DelegationState): boolean {
  return (
    state.threshold !== old.threshold ||
    state.paths.some((path) => !old.paths.includes(path)) ||
    state.keys.some(({ listedKeyId }) => !old.keys.some((key) => key.listedKeyId === listedKeyId))
  );
}

/** Roles that go, each with those below it. */
function removed(before: TrustedCollection, after: TrustedCollection): string[] {
  const gone = delegationsIn(before).filter(({ role }) => delegationIn(after, role) === undefined);
  const highest = gone.filter(({ role }) => !gone.some((other) => other.role === parentOf(role)));
  return highest.flatMap((state) =>
    effectsOfRoleRemoval(
      before,
      state,
      gone.filter(({ role }) => role !== state.role && isWithin(role, state.role)),
    ),
  );
}

function hasSigner(collection: TrustedCollection): boolean {
  return delegationsIn(collection).some(({ role }) => role !== releasesRole);
}
