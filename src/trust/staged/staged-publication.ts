import { sameTarget } from "../../tuf/collection-draft.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import { allDelegations, type StagedChange } from "../../tuf/notary-v1/staged-change.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { CollectionChange } from "../publishing/publish.ts";

/**
 * Staged changes, applied in their order. Each attempt applies all of them again: it is never assumed that an unanswered attempt published
 * them, because their files are removed afterwards.
 *
 * @see Notary v1: change semantics
 */
export class StagedPublication implements CollectionChange {
  readonly #changes: readonly StagedChange[];

  constructor(changes: readonly StagedChange[]) {
    this.#changes = changes;
  }

  async apply(editor: CollectionEditor): Promise<boolean> {
    let isChanged = false;
    for (const change of this.#changes) isChanged = applyTo(editor, change) || isChanged;
    return isChanged;
  }

  /** Compares targets. Delegations are not: another publisher may change them at once, and a missing one costs an error at most. */
  isIn(collection: TrustedCollection): boolean {
    const last = new Map(
      this.#changes.filter(({ type }) => type === "target").map((change) => [targetKey(change), change]),
    );
    return [...last.values()].every((change) => isEffective(collection, change));
  }
}

function targetKey(change: StagedChange): string {
  return change.type === "target" ? JSON.stringify([change.role, change.name]) : "";
}

function isEffective(collection: TrustedCollection, change: StagedChange): boolean {
  if (change.type !== "target") return true;
  const file = change.role === "targets" ? collection.targets : collection.delegations.get(change.role);
  const found = file?.body.targets.get(change.name);
  if (change.action === "delete") return found === undefined;
  return found !== undefined && sameTarget(found, change.target);
}

/** @returns false when the collection has the change already */
function applyTo(editor: CollectionEditor, change: StagedChange): boolean {
  if (change.type === "delegation") return changeDelegation(editor, change);
  if (change.type === "witness") {
    editor.witness(change.role);
    return true;
  }
  return change.action === "create"
    ? editor.addTarget(change.role, change.name, change.target)
    : editor.removeTarget(change.role, change.name);
}

function changeDelegation(editor: CollectionEditor, change: Extract<StagedChange, { type: "delegation" }>): boolean {
  if (change.action === "delete") return editor.removeDelegation(change.role);
  const { role, threshold, ...changed } = change;
  if (role === allDelegations) editor.purgeKeys(changed.removeKeys);
  else if (change.action === "create")
    editor.addDelegation(role, {
      addKeys: changed.addKeys,
      addPaths: changed.addPaths,
      ...(threshold === undefined ? {} : { threshold }),
    });
  else editor.updateDelegation(role, changed);
  return true;
}
