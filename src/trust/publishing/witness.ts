import { UsageError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isBaseRole } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { TrustContext } from "../trust-context.ts";
import { HeldKeys } from "./held-keys.ts";
import { type CollectionChange, publishChange } from "./publish.ts";

/** The roles that were signed again. */
export interface WitnessResult {
  readonly roles: readonly { readonly role: RoleName; readonly version: number; readonly tags: number }[];
}

/**
 * Signs roles again, unchanged, with the keys that are here: after a role got another key, so that what its former key signed counts again, or
 * to renew its expiry. A role whose signatures no longer count is taken back with its content.
 *
 * @throws UsageError `USAGE` for root, snapshot and timestamp
 * @throws MetadataError `METADATA_ROLE_UNKNOWN` for a role that was never signed; `REPOSITORY_NOT_SIGNED`
 * @throws KeyStoreError `SIGNING_KEY_MISSING` when a role's keys are not here; and as `publishChange`
 * @see Notary v1: change semantics
 */
export async function witnessRoles(context: TrustContext, roles: readonly RoleName[]): Promise<WitnessResult> {
  const change = witnessing(context.gun, roles);
  const { collection } = await publishChange(context, new HeldKeys(context), change, { initialise: false });
  return {
    roles: [...new Set(roles)].map((role) => {
      const file = fileOf(collection, role);
      return { role, version: file?.body.version ?? 0, tags: file?.body.targets.size ?? 0 };
    }),
  };
}

/** The change that signs these roles again. @throws UsageError `USAGE` for root, snapshot and timestamp */
export function witnessing(gun: string, roles: readonly RoleName[]): CollectionChange {
  const other = roles.find((role) => isBaseRole(role) && role !== "targets");
  if (other !== undefined) throw notToWitness(other, gun);
  return new Witnessing(new Set(roles));
}

class Witnessing implements CollectionChange {
  readonly #roles: ReadonlySet<RoleName>;
  readonly #before = new Map<RoleName, number>();

  constructor(roles: ReadonlySet<RoleName>) {
    this.#roles = roles;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current === undefined || (this.#before.size > 0 && this.isIn(current))) return false;
    for (const role of this.#roles) {
      editor.witness(role);
      this.#before.set(role, (fileOf(current, role) ?? current.invalidDelegations.get(role)?.file)?.body.version ?? 0);
    }
    return true;
  }

  /** Another publisher's newer file counts as well. */
  isIn(collection: TrustedCollection): boolean {
    return [...this.#roles].every(
      (role) => (fileOf(collection, role)?.body.version ?? 0) > (this.#before.get(role) ?? 0),
    );
  }
}

function fileOf({ targets, delegations }: TrustedCollection, role: RoleName) {
  return role === "targets" ? targets : delegations.get(role);
}

function notToWitness(role: RoleName, gun: string): UsageError {
  const hint =
    role === "root"
      ? `Rotate its key, or make a new certificate for the same key: tagseal trust key rotate --key KEYID ${gun} root`
      : "It is signed again with every publication.";
  return new UsageError("USAGE", `${role} cannot be witnessed, only targets and delegations`, { hint });
}
