/** Who may sign a role: the root says it for the base roles, a targets file for the delegations that it declares. */

import type { PublicKey } from "../crypto/public-key.ts";
import { MetadataError } from "../errors.ts";
import type { DelegatedRole, RoleKeys, RoleName, RootBody, TargetsFile } from "./metadata.ts";

/** A role's signers: which keys, how many, and the keys themselves. */
export interface RoleSigners {
  readonly roleKeys: RoleKeys;
  readonly keys: ReadonlyMap<string, PublicKey>;
}

/** The keys that a role names and that are known, in its order. */
export function keysOf({ roleKeys, keys }: RoleSigners): PublicKey[] {
  return (roleKeys.keyIds ?? []).map((id) => keys.get(id)).filter((key) => key !== undefined);
}

/**
 * The signers of a base role.
 *
 * @throws MetadataError `METADATA_ROLE_UNKNOWN` for a role that the root does not name
 */
export function baseRoleSigners(
  root: { readonly body: Pick<RootBody, "roles" | "keys"> },
  role: RoleName,
): RoleSigners {
  const roleKeys = root.body.roles.get(role);
  if (roleKeys === undefined) throw new MetadataError("METADATA_ROLE_UNKNOWN", `${role} is an invalid role`);
  return { roleKeys, keys: root.body.keys };
}

/**
 * The signers of a delegation.
 *
 * @throws MetadataError `METADATA_ROLE_UNKNOWN` for a role that its parent does not declare
 */
export function declaredSigners(parent: TargetsFile, role: RoleName): RoleSigners {
  const declared = delegatedRole(parent, role);
  if (declared === undefined)
    throw new MetadataError("METADATA_ROLE_UNKNOWN", `${role} is not declared by ${parent.role}`);
  return { roleKeys: declared, keys: parent.body.delegations.keys };
}

/** What a targets file declares about one of its children. */
export function delegatedRole(parent: TargetsFile, role: RoleName): DelegatedRole | undefined {
  return parent.body.delegations.roles?.find((entry) => entry.name === role);
}
