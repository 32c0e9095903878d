import type { PublicKey } from "../../crypto/public-key.ts";
import { MetadataError, UsageError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { parentOf } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { delegationIn, type DelegationState, listsKey } from "./declared-delegations.ts";

/** A delegation to declare, or what to add to one. */
export interface NewDelegation {
  readonly role: RoleName;
  readonly keys: readonly PublicKey[];
  /** literal prefixes of names, `""` for every name */
  readonly paths: readonly string[];
  /** how many keys must sign; absent: 1 for a new role, unchanged for another */
  readonly threshold?: number;
}

/** The declaration of a delegation, or of more keys, paths or another threshold. */
export class DelegationAddition implements CollectionChange {
  readonly #wanted: NewDelegation;

  constructor(wanted: NewDelegation) {
    this.#wanted = wanted;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || this.isIn(current)) return await Promise.resolve(false);
    const { role, keys, paths, threshold } = this.#wanted;
    this.#requireUsable(current.gun, delegationIn(current, role));
    requireParent(current, role);
    editor.addDelegation(role, { addKeys: keys, addPaths: paths, ...(threshold === undefined ? {} : { threshold }) });
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    const { role, keys, paths, threshold } = this.#wanted;
    const state = delegationIn(collection, role);
    if (state === undefined) return false;
    const hasAll =
      keys.every(({ keyId }) => listsKey(state, keyId)) && paths.every((path) => state.paths.includes(path));
    return hasAll && (threshold === undefined || state.threshold === threshold);
  }

  /** A role may become unusable by a removal, but nobody asks for one that never was. */
  #requireUsable(gun: string, before: DelegationState | undefined): void {
    const { role, keys, threshold } = this.#wanted;
    if (before === undefined && keys.length === 0) {
      throw new UsageError("USAGE", `${gun} has no delegation ${role} yet, and a new one needs a key`, {
        hint: `Give the public key of its signer: tagseal trust delegation add ${gun} ${role} KEY.pub --all-paths`,
      });
    }
    if (threshold === undefined) return;
    // Two certificates for one key count once, as for every reader.
    const present = before?.keys.map(({ keyId }) => keyId) ?? [];
    const count = new Set([...present, ...keys.map((key) => key.bareKeyId ?? key.keyId)]).size;
    if (threshold <= count) return;
    throw new UsageError("USAGE", `${role} would have ${count} of the ${threshold} keys that must sign`, {
      hint: "Give more public keys, or a lower --threshold.",
    });
  }
}

function requireParent(current: TrustedCollection, role: RoleName): void {
  const parent = parentOf(role);
  if (parent === "targets" || delegationIn(current, parent) !== undefined) return;
  throw new MetadataError(
    "METADATA_ROLE_UNKNOWN",
    `${role} belongs below ${parent}, which ${current.gun} does not have`,
    {
      hint: `Add that first: tagseal trust delegation add ${current.gun} ${parent} KEY.pub --all-paths`,
    },
  );
}
