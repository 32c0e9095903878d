import { lstatSync, statSync, type Stats } from "node:fs";
import { isErrno } from "./system-error.ts";

/**
 * The file at a path, links followed; undefined where there is none, also because a parent is not a directory (the home directory
 * of an account may be `/dev/null`).
 *
 * @throws the system's own error when it cannot be inspected
 */
export function statIfThere(path: string): Stats | undefined {
  return unlessAbsent(() => statSync(path));
}

/** {@link statIfThere} of the link itself. */
export function lstatIfThere(path: string): Stats | undefined {
  return unlessAbsent(() => lstatSync(path));
}

function unlessAbsent(look: () => Stats): Stats | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
