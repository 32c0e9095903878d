/** Which target names a delegation may speak for. Paths are literal prefixes: no globbing, `""` covers every name. */

import type { RoleName } from "./metadata.ts";
import { parentOf } from "./role-name.ts";

/** True when one of `paths` is a prefix of `name`. No paths cover no name. */
export function pathsCover(paths: readonly string[], name: string): boolean {
  return paths.some((path) => name.startsWith(path));
}

/** The child's paths that count: those some path of the parent covers. */
export function restrictPaths(
  parentPaths: readonly string[],
  childPaths: readonly string[] | undefined,
): readonly string[] {
  return (childPaths ?? []).filter((path) => pathsCover(parentPaths, path));
}

/**
 * The paths `role` may really sign, each level restricted by the one above it; `targets` itself may sign every name.
 *
 * @param declaredPaths what the parent declares for a role
 * @see Notary v1: names and paths (inheritance)
 */
export function coveringPaths(
  role: RoleName,
  declaredPaths: (role: RoleName) => readonly string[] | undefined,
): readonly string[] {
  if (role === "targets") return [""];
  return restrictPaths(coveringPaths(parentOf(role), declaredPaths), declaredPaths(role));
}
