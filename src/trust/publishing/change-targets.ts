/** Adds and removes targets of any name in the roles that the caller names, where `sign.ts` signs tags as docker does. */
import { MetadataError } from "../../errors.ts";
import { sameTarget } from "../../tuf/collection-draft.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import { findTarget, type FoundTarget } from "../../tuf/lookup.ts";
import type { RoleName, Target } from "../../tuf/metadata.ts";
import { requireTargetName } from "../../tuf/target-name.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { requireTargetRoles } from "../reading/signed-targets.ts";
import type { TrustContext } from "../trust-context.ts";
import { HeldKeys } from "./held-keys.ts";
import { type CollectionChange, publishChange } from "./publish.ts";

/** A target and the roles to change it in. */
export interface PlacedTarget {
  readonly name: string;
  /** `targets`, or delegations; at least one */
  readonly roles: readonly RoleName[];
}

/**
 * Signs a target in each of the roles, in one publication. Creates the collection if the server does not have it.
 *
 * @returns whether the collection was created
 * @throws UsageError `USAGE` for a role that cannot have targets
 * @throws MetadataError `METADATA_MALFORMED` for a name that readers refuse; `METADATA_ROLE_UNKNOWN`; `REPOSITORY_NOT_SIGNED` where none may be
 *   created; what an update can refuse
 * @throws KeyStoreError `SIGNING_KEY_MISSING`, `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`; NetworkError as `publishChange`
 */
export async function addTarget(
  context: TrustContext,
  placed: PlacedTarget,
  target: Target,
): Promise<{ readonly initialised: boolean }> {
  const change = targetAddition(placed, target);
  const { initialised } = await publishChange(context, new HeldKeys(context), change, { initialise: true });
  return { initialised: initialised !== undefined };
}

/** The change of {@link addTarget}. @throws as that, for the name and the roles */
export function targetAddition({ name, roles }: PlacedTarget, target: Target): CollectionChange {
  requireTargetRoles(roles);
  requireTargetName(name);
  return {
    apply: async (editor) => {
      // every role is edited, also when an earlier one has changed already
      const changed = roles.map((role) => editor.addTarget(role, name, target));
      return changed.includes(true);
    },
    isIn: (collection) =>
      roles.every((role) => {
        const signed = entryIn(collection, role, name);
        return signed !== undefined && sameTarget(signed, target);
      }),
  };
}

/** The result of {@link removeTarget}. */
export interface RemovedTarget {
  /** the given roles that had it */
  readonly removedFrom: readonly RoleName[];
  /** the role from which readers take the name now */
  readonly stillIn: RoleName | undefined;
}

/**
 * Removes a target from each of the roles, in one publication.
 *
 * @throws UsageError `USAGE` for a role that cannot have targets
 * @throws MetadataError `TAG_NOT_SIGNED` when none of the roles has it; `REPOSITORY_NOT_SIGNED`; what an update can refuse
 * @throws KeyStoreError `SIGNING_KEY_MISSING`, `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`; NetworkError as `publishChange`
 */
export async function removeTarget(context: TrustContext, placed: PlacedTarget): Promise<RemovedTarget> {
  const removal = new TargetRemoval(context, placed);
  const { collection } = await publishChange(context, new HeldKeys(context), removal, { initialise: false });
  return { removedFrom: removal.removedFrom, stillIn: findTarget(collection, placed.name)?.role };
}

/** The warning about a name that another role still signs. */
export function stillSigned({ name, role }: Pick<FoundTarget, "name" | "role">): string {
  return `${name} is still signed, in ${role}`;
}

/** The change of {@link removeTarget}; what it removed is known once it was applied. */
export class TargetRemoval implements CollectionChange {
  readonly #context: TrustContext;
  readonly #placed: PlacedTarget;
  #removedFrom: readonly RoleName[] = [];

  /** @throws UsageError `USAGE` for a role that cannot have targets */
  constructor(context: TrustContext, placed: PlacedTarget) {
    requireTargetRoles(placed.roles);
    this.#context = context;
    this.#placed = placed;
  }

  get removedFrom(): readonly RoleName[] {
    return this.#removedFrom;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined) throw notSigned(this.#context);
    // Sent before, and the answer was lost: the entry is gone already.
    if (this.#removedFrom.length > 0 && this.isIn(current)) return false;
    const { name, roles } = this.#placed;
    this.#removedFrom = roles.filter((role) => editor.removeTarget(role, name));
    if (this.#removedFrom.length === 0) throw notThere(this.#context.gun, this.#placed, current);
    return true;
  }

  isIn(collection: TrustedCollection): boolean {
    return this.#placed.roles.every((role) => entryIn(collection, role, this.#placed.name) === undefined);
  }
}

function entryIn(collection: TrustedCollection, role: RoleName, name: string): Target | undefined {
  return targetsFileOf(collection, role)?.body.targets.get(name);
}

function notThere(gun: string, { name, roles }: PlacedTarget, current: TrustedCollection): MetadataError {
  const elsewhere = findTarget(current, name)?.role;
  const hint =
    elsewhere === undefined
      ? `List what is signed: tagseal trust target list ${gun}`
      : `It is in ${elsewhere}: give --role ${elsewhere}.`;
  return new MetadataError("TAG_NOT_SIGNED", `No valid trust data for ${name} in ${roles.join(", ")}`, { hint });
}
