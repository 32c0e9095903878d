/** What becomes of the entries that a proposal adds or removes, where that is not what a signer expects. */

import { sameTarget } from "../../tuf/collection-draft.ts";
import { findTarget } from "../../tuf/lookup.ts";
import type { RoleName, Target, TargetsFile } from "../../tuf/metadata.ts";
import { isTargetsFile, type JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { stillSigned } from "../publishing/change-targets.ts";
import { notReleased, startsEmpty } from "../publishing/sign.ts";
import { digestOf, releasedEntryOf } from "../reading/released-tags.ts";

/** At most so many sentences about entries. */
const maxShown = 10;

/** Warnings about entries that clients do not take, that stay signed elsewhere, or that are lost with keys that no longer count. */
export function entryWarnings(
  before: TrustedCollection,
  after: TrustedCollection,
  { files }: JudgedProposal,
): readonly string[] {
  const proposed = [...files.values()].filter(isTargetsFile);
  const restarts = proposed.flatMap((file) => restart(before, file));
  const entries = [...unreleased(before, after, proposed), ...remaining(before, after, proposed)];
  const more = entries.length - maxShown;
  return [
    ...restarts,
    ...entries.slice(0, maxShown),
    ...(more > 0 ? [`the same is true of ${more} more entries`] : []),
  ];
}

type Proposed = readonly TargetsFile[];

function restart(before: TrustedCollection, { role, body }: TargetsFile): readonly string[] {
  const invalid = before.invalidDelegations.get(role);
  if (invalid?.error.code !== "METADATA_THRESHOLD_NOT_MET") return [];
  const lost = [...invalid.file.body.targets.keys()].filter((name) => !body.targets.has(name));
  return lost.length === 0 ? [] : [startsEmpty(role, lost.length)];
}

function unreleased(before: TrustedCollection, after: TrustedCollection, proposed: Proposed): readonly string[] {
  const signedIn = new Map<string, { readonly target: Target; readonly roles: RoleName[] }>();
  for (const { role, body } of proposed) {
    const old = published(before, role);
    for (const [name, target] of body.targets) {
      const was = old?.body.targets.get(name);
      if (was !== undefined && sameTarget(was, target)) continue;
      const roles = signedIn.get(name)?.roles ?? [];
      signedIn.set(name, { target, roles: [...roles, role] });
    }
  }
  return [...signedIn]
    .filter(([name, { target }]) => releasedEntryOf(after, name)?.digest !== digestOf(target))
    .map(([tag, { roles }]) => notReleased({ gun: after.gun, tag, roles }));
}

function remaining(before: TrustedCollection, after: TrustedCollection, proposed: Proposed): readonly string[] {
  const gone = proposed.flatMap(({ role, body }) => {
    const old = targetsFileOf(before, role)?.body.targets ?? new Map<string, Target>();
    return [...old.keys()].filter((name) => !body.targets.has(name));
  });
  return [...new Set(gone)].flatMap((name) => {
    const found = findTarget(after, name);
    return found === undefined ? [] : [stillSigned(found)];
  });
}

function published(before: TrustedCollection, role: RoleName): TargetsFile | undefined {
  return targetsFileOf(before, role) ?? before.invalidDelegations.get(role)?.file;
}
