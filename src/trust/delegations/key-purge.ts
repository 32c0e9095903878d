import { KeyStoreError, MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { parentOf } from "../../tuf/role-name.ts";
import { baseRoleSigners, declaredSigners, type RoleSigners } from "../../tuf/role-signers.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { delegationIn, type DelegationState, listsKey } from "./declared-delegations.ts";
import type { ConfirmRemoval } from "./delegation-removal.ts";
import { effectsOfKeyRemoval, rolesWithKeys } from "./removal-effects.ts";

/**
 * The removal of keys from every delegation whose parent can be signed here; the others keep them, with a warning.
 *
 * @see Notary v1: change semantics (purge)
 */
export class KeyPurge implements CollectionChange {
  readonly #held: HeldKeys;
  readonly #keyIds: readonly string[];
  readonly #confirm: ConfirmRemoval;
  readonly #isProposal: boolean;
  #answer: boolean | undefined;
  #affected = new Set<RoleName>();

  /** @param options whether one key of a parent is enough, because the others sign a proposal */
  constructor(
    held: HeldKeys,
    keyIds: readonly string[],
    confirm: ConfirmRemoval,
    { isProposal = false }: { readonly isProposal?: boolean } = {},
  ) {
    this.#held = held;
    this.#keyIds = keyIds;
    this.#confirm = confirm;
    this.#isProposal = isProposal;
  }

  /** True when the question was answered no. */
  get declined(): boolean {
    return this.#answer === false;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined) return false;
    const states = rolesWithKeys(current, this.#keyIds);
    if (this.#answer === undefined) this.#requireKnown(current);
    if (states.length === 0) return false;
    await this.#requireParentKey(
      current,
      states.map(({ role }) => role),
    );
    for (const { role } of states) this.#affected.add(role);
    const effects = states.flatMap((state) => effectsOfKeyRemoval(current, state, this.#keyIds));
    this.#answer ??= await this.#confirm([`the keys are in ${states.map(({ role }) => role).join(", ")}`, ...effects]);
    if (!this.#answer) return false;
    if (this.#isProposal) await this.#removeWhereHeld(editor, current, states);
    // skips, with a warning, what cannot be signed
    editor.purgeKeys(this.#keyIds);
    return true;
  }

  /** A role whose parent cannot be signed here keeps the keys. */
  isIn(collection: TrustedCollection): boolean {
    return this.rolesWithout(collection).length > 0;
  }

  /** The roles that had one of the keys and have none of them now. */
  rolesWithout(collection: TrustedCollection): RoleName[] {
    return [...this.#affected].filter((role) => {
      const state = delegationIn(collection, role);
      return state === undefined || !this.#keyIds.some((id) => listsKey(state, id));
    });
  }

  /** A purge is dropped where it cannot reach the threshold, and a proposal never can: there it is a change like any other. */
  async #removeWhereHeld(
    editor: CollectionEditor,
    current: TrustedCollection,
    states: readonly DelegationState[],
  ): Promise<void> {
    for (const { role } of states) {
      if (await this.#holdsOneOf(current, parentOf(role))) editor.updateDelegation(role, { removeKeys: this.#keyIds });
    }
  }

  async #holdsOneOf(current: TrustedCollection, role: RoleName): Promise<boolean> {
    const { roleKeys, keys } = signersOf(current, role);
    return await this.#held.holdsOneOf(roleKeys, keys);
  }

  #requireKnown(current: TrustedCollection): void {
    const unknown = this.#keyIds.find((id) => rolesWithKeys(current, [id]).length === 0);
    if (unknown === undefined) return;
    throw new KeyStoreError("KEY_NOT_FOUND", `no delegation of ${current.gun} has the key ${unknown}`, {
      hint: `List them: tagseal trust delegation list ${current.gun}`,
    });
  }

  async #requireParentKey(current: TrustedCollection, roles: readonly RoleName[]): Promise<void> {
    const parents = [...new Set(roles.map(parentOf))];
    for (const parent of parents) {
      if (await this.#holdsOneOf(current, parent)) return;
    }
    throw new MetadataError(
      "SIGNING_KEY_MISSING",
      `cannot remove the keys: no key of ${parents.join(", ")} is on this machine`,
      {
        hint: "Delegations are changed with the key of the role that declares them. Load it, or ask its owner.",
      },
    );
  }
}

function signersOf(collection: TrustedCollection, role: RoleName): RoleSigners {
  if (role === "targets") return baseRoleSigners(collection.root, role);
  return declaredSigners(targetsFileOf(collection, parentOf(role)) ?? collection.targets, role);
}
