/** The grammar of role names. Notary v1: names and paths. */

import type { BaseRole, RoleName, ServerRole } from "./metadata.ts";

/** The four base roles, in the order a client meets them. */
export const baseRoles: readonly BaseRole[] = ["root", "timestamp", "snapshot", "targets"];

/** Longest role name in characters, `targets/` included. It also bounds how deep delegations can nest. */
const maxRoleNameLength = 255;

/** True for one of the four base roles. */
export function isBaseRole(name: string): name is BaseRole {
  return baseRoles.some((role) => role === name);
}

/** True for `snapshot` and `timestamp`: the roles that a trust server may hold the keys of. */
export function isServerRole(name: unknown): name is ServerRole {
  return name === "snapshot" || name === "timestamp";
}

/** True for a well-formed delegation such as `targets/releases`: lower case, digits, `-`, `_`, no empty segment, not too long. */
export function isDelegation(name: string): boolean {
  return name.length <= maxRoleNameLength && /^targets(?:\/[-a-z0-9_]+)+$/.test(name);
}

/** True for a base role or a well-formed delegation. */
export function isRoleName(name: string): boolean {
  return isBaseRole(name) || isDelegation(name);
}

/** The role that declares this delegation: `targets/a` for `targets/a/b`, `targets` for `targets/a`. */
export function parentOf(delegation: RoleName): RoleName {
  return delegation.slice(0, Math.max(0, delegation.lastIndexOf("/")));
}

/** True when `name` is a well-formed delegation one level below `parent`: only these may be declared in its file. */
export function isDirectChild(parent: RoleName, name: RoleName): boolean {
  return isDelegation(name) && parentOf(name) === parent;
}

/** True when `role` is `ancestor` or is below it. */
export function isWithin(role: RoleName, ancestor: RoleName): boolean {
  return role === ancestor || role.startsWith(`${ancestor}/`);
}
