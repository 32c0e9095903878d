import { KeyStoreError, MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isWithin } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { delegationIn, delegationsIn, type DelegationState, listsKey } from "./declared-delegations.ts";
import { effectsOfKeyRemoval, effectsOfPathRemoval, effectsOfRoleRemoval } from "./removal-effects.ts";

/** What to remove from a delegation; with neither keys nor paths, the delegation itself with everything below it. */
export interface DelegationToRemove {
  readonly role: RoleName;
  /** IDs of keys in either form */
  readonly keyIds: readonly string[];
  readonly paths: readonly string[];
  readonly allPaths: boolean;
}

/** Asks whether to go on, given what the change does, one sentence each. Called once, before anything is signed. */
export type ConfirmRemoval = (effects: readonly string[]) => Promise<boolean>;

/** The removal of a delegation, or of keys or paths from one. */
export class DelegationRemoval implements CollectionChange {
  readonly #unwanted: DelegationToRemove;
  readonly #confirm: ConfirmRemoval;
  #answer: boolean | undefined;

  constructor(unwanted: DelegationToRemove, confirm: ConfirmRemoval) {
    this.#unwanted = unwanted;
    this.#confirm = confirm;
  }

  /** True when the question was answered no. */
  get declined(): boolean {
    return this.#answer === false;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || (this.#answer === true && this.isIn(current))) return false;
    const state = this.#declared(current);
    this.#answer ??= await this.#confirm(this.#effects(current, state));
    if (!this.#answer) return false;
    const { role, keyIds, paths, allPaths } = this.#unwanted;
    if (!this.#isWhole) editor.updateDelegation(role, { removeKeys: keyIds, removePaths: paths, clearPaths: allPaths });
    else if (!editor.removeDelegation(role)) {
      throw new MetadataError("METADATA_MISSING", `${role} cannot be removed: the file that declares it was not read`);
    }
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    const state = delegationIn(collection, this.#unwanted.role);
    if (this.#isWhole || state === undefined) return state === undefined;
    const { keyIds, paths, allPaths } = this.#unwanted;
    const hasPath = allPaths ? state.paths.length > 0 : paths.some((path) => state.paths.includes(path));
    return !hasPath && !keyIds.some((id) => listsKey(state, id));
  }

  get #isWhole(): boolean {
    const { keyIds, paths, allPaths } = this.#unwanted;
    return keyIds.length === 0 && paths.length === 0 && !allPaths;
  }

  /** Unlike notary, what is not there is an error: a mistyped ID would leave a key in place that the user believes removed. */
  #declared(current: TrustedCollection): DelegationState {
    const { role, keyIds, paths } = this.#unwanted;
    const state = delegationIn(current, role);
    const hint = `List them: tagseal trust delegation list ${current.gun}`;
    if (state === undefined)
      throw new MetadataError("METADATA_ROLE_UNKNOWN", `${current.gun} has no delegation ${role}`, { hint });
    const key = keyIds.find((id) => !listsKey(state, id));
    if (key !== undefined) throw new KeyStoreError("KEY_NOT_FOUND", `${role} does not have the key ${key}`, { hint });
    const path = paths.find((unwanted) => !state.paths.includes(unwanted));
    if (path === undefined) return state;
    throw new MetadataError("METADATA_ROLE_UNKNOWN", `${role} does not have the path ${JSON.stringify(path)}`, {
      hint,
    });
  }

  #effects(current: TrustedCollection, state: DelegationState): string[] {
    const { role, keyIds, paths, allPaths } = this.#unwanted;
    if (this.#isWhole) {
      const below = delegationsIn(current).filter((other) => other.role !== role && isWithin(other.role, role));
      return effectsOfRoleRemoval(current, state, below);
    }
    const left = allPaths ? [] : state.paths.filter((path) => !paths.includes(path));
    return [...effectsOfKeyRemoval(current, state, keyIds), ...effectsOfPathRemoval(state, left)];
  }
}
