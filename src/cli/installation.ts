/**
 * Tagseal's links for docker: the `docker-trust` plugin and, if wanted, a `docker` earlier in PATH. Only symbolic links to
 * Tagseal are ever made, replaced or removed; all other files stay.
 */
import {
  accessSync,
  constants,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { candidates, isTagseal } from "../engine/executable.ts";
import { UsageError } from "../errors.ts";
import { lstatIfThere } from "../files/stat-if-there.ts";
import { systemReason } from "../files/system-error.ts";
import type { Io } from "./io.ts";
import { dockerConfigDir } from "./open/directories.ts";

/** What is at a path: nothing, a link of Tagseal's (to `target`), or another file, which must not be changed. */
export type Occupant =
  | { readonly kind: "nothing" }
  | { readonly kind: "ours"; readonly target: string }
  | { readonly kind: "foreign" };

/** The path of the plugin's link. */
export function pluginPath(io: Io): string {
  return join(dockerConfigDir(io), "cli-plugins", "docker-trust");
}

/** The path of a shim in `directory`. */
export function shimPath(directory: string): string {
  return join(resolve(directory), "docker");
}

/** Tagseal's links called `docker` in PATH. */
export function shimsInPath(io: Io): string[] {
  return candidates("docker", { env: io.env, self: io.program.files })
    .map(({ path }) => path)
    .filter((path) => occupantOf(path, io).kind === "ours");
}

/** The file that links should point to, however this process was started. */
export function linkTarget(io: Io): string {
  const [file] = io.program.files;
  if (file === undefined) throw new UsageError("USAGE", "cannot tell where this program is");
  const path = realpathSync(file);
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new UsageError("FILE_UNREADABLE", `${path} cannot be executed, so docker could not start it`, {
      cause,
      hint: `Make it executable: chmod +x ${path}`,
    });
  }
  return path;
}

/** Inspects a path without changing it. @throws UsageError `FILE_UNREADABLE` */
export function occupantOf(path: string, io: Io): Occupant {
  const stat = statsAt(path);
  if (stat === undefined) return { kind: "nothing" };
  if (!stat.isSymbolicLink()) return { kind: "foreign" };
  const target = resolve(dirname(path), readlinkSync(path));
  return leadsToTagseal(target, io) ? { kind: "ours", target } : { kind: "foreign" };
}

function statsAt(path: string): Stats | undefined {
  try {
    return lstatIfThere(path);
  } catch (cause) {
    throw new UsageError("FILE_UNREADABLE", `cannot look at ${path}: ${systemReason(cause)}`, {
      cause,
      hint: "Set HOME or DOCKER_CONFIG to a directory that is yours.",
    });
  }
}

/** A broken link of a removed Tagseal is still Tagseal's. */
function leadsToTagseal(target: string, io: Io): boolean {
  const exists = statsAt(target) !== undefined;
  return exists ? isTagseal(target, io.program.files) : /^tagseal(?:\.js)?$/u.test(basename(target));
}

/**
 * Makes a link, or points an existing one to another file; in one step, so that there is always one.
 *
 * @returns false when it was right already
 * @throws UsageError `FILE_UNWRITABLE` when something else is there, or it cannot be made
 */
export function putLink(path: string, target: string, io: Io): boolean {
  const occupant = occupantOf(path, io);
  if (occupant.kind === "foreign") {
    throw new UsageError("FILE_UNWRITABLE", `${path} is there already and is not Tagseal's`, {
      hint: "Move it away, or choose another directory.",
    });
  }
  if (occupant.kind === "ours" && occupant.target === target) return false;
  const temporary = `${path}.tagseal-new`;
  attempt(`cannot write ${path}`, () => {
    mkdirSync(dirname(path), { recursive: true });
    if (lstatIfThere(temporary) !== undefined) unlinkSync(temporary);
    symlinkSync(target, temporary);
    renameSync(temporary, path);
  });
  return true;
}

/**
 * Removes a link of Tagseal's.
 *
 * @returns false when there is none: nothing there, or another file
 * @throws UsageError `FILE_UNWRITABLE`
 */
export function removeLink(path: string, io: Io): boolean {
  if (occupantOf(path, io).kind !== "ours") return false;
  attempt(`cannot remove ${path}`, () => unlinkSync(path));
  return true;
}

function attempt(what: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError("FILE_UNWRITABLE", `${what}: ${reason}`, { cause });
  }
}
