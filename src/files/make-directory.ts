import { lstatSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { nameOf } from "./read-private-file.ts";
import { statIfThere } from "./stat-if-there.ts";
import { isErrno } from "./system-error.ts";

/**
 * Makes a private directory and what is missing above it, mode 0700; does nothing where there is one. Links to directories are followed.
 *
 * Step by step, because `mkdir` with `recursive` says "no such file or directory" of a read-only file system.
 *
 * @throws the system's own error, or one that names what is in the way
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isErrno(error, "ENOENT") && dirname(path) !== path) {
      makeDirectory(dirname(path));
      makeLast(path);
    } else if (!isDirectory(path)) throw isErrno(error, "EEXIST") ? inTheWay(path, error) : error;
  }
}

/** Another process may have been faster. */
function makeLast(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!isDirectory(path)) throw error;
  }
}

/** The answer to a read-only file system or a missing permission may come before the one that it is there already. */
function isDirectory(path: string): boolean {
  return statIfThere(path)?.isDirectory() === true;
}

function inTheWay(path: string, cause: unknown): Error {
  const found = lstatSync(path);
  const leadsNowhere = found.isSymbolicLink() && statIfThere(path) === undefined;
  const what = leadsNowhere ? "a link that leads nowhere" : nameOf(found);
  return Object.assign(new Error(`${path} is ${what}`, { cause }), { code: "EINTHEWAY" });
}
