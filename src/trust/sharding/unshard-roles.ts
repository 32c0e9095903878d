import { MetadataError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { declaredSigners, keysOf } from "../../tuf/role-signers.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import { notSigned } from "../reading/collection-reading.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * Removes the shards of every role whose keys are here, in one publication. The roles have all their tags and stay as they are.
 *
 * @returns the roles that had shards and have none now; empty when there were none
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `SIGNING_KEY_MISSING` when no role with shards can be signed here; and as `publishChange`
 */
export async function unshardRoles(context: TrustContext): Promise<readonly RoleName[]> {
  const held = new HeldKeys(context);
  const change = new Unsharding(context, held);
  await publishChange(context, held, change, { initialise: false });
  return change.roles;
}

class Unsharding implements CollectionChange {
  readonly #context: TrustContext;
  readonly #held: HeldKeys;
  readonly #roles = new Set<RoleName>();

  constructor(context: TrustContext, held: HeldKeys) {
    this.#context = context;
    this.#held = held;
  }

  get roles(): readonly RoleName[] {
    return [...this.#roles];
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined) throw notSigned(this.#context);
    const stay: RoleName[] = [];
    let changed = false;
    for (const role of current.shardIndexes.keys()) {
      if (!(await this.#canSign(current, role))) stay.push(role);
      else if (editor.unshard(role)) {
        this.#roles.add(role);
        changed = true;
      }
    }
    if (stay.length > 0 && this.#roles.size === 0) throw noKeys(stay);
    for (const role of stay) this.#warn(`${role} keeps its shards: its keys are not here`);
    return changed;
  }

  isIn({ shardIndexes }: TrustedCollection): boolean {
    return this.roles.every((role) => !shardIndexes.has(role));
  }

  async #canSign({ targets }: TrustedCollection, role: RoleName): Promise<boolean> {
    const signers = declaredSigners(targets, role);
    return (await this.#held.countHeld(keysOf(signers))) >= signers.roleKeys.threshold;
  }

  #warn(message: string): void {
    this.#context.notify({ kind: "warning", gun: this.#context.gun, message });
  }
}

function noKeys(roles: readonly RoleName[]): MetadataError {
  return new MetadataError("SIGNING_KEY_MISSING", `no keys of ${roles.join(", ")} are on this machine`, {
    hint: "Those who sign these roles can remove their shards.",
  });
}
