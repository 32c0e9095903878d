import type { RoleName } from "./metadata.ts";
import { PathPrefixes } from "./path-prefixes.ts";
import { parentOf } from "./role-name.ts";

/**
 * The names `role` may really sign, each level restricted by the one above it; `targets` itself may sign every name.
 *
 * @param declaredPaths what the parent declares for a role; `undefined` for nothing
 * @see Notary v1: names and paths (inheritance)
 */
export function signablePaths(
  role: RoleName,
  declaredPaths: (role: RoleName) => readonly string[] | undefined,
): PathPrefixes {
  if (role === "targets") return PathPrefixes.all;
  return signablePaths(parentOf(role), declaredPaths).restrict(declaredPaths(role) ?? []);
}
