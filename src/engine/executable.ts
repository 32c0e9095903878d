/**
 * Finds the real engine. It must never be Tagseal itself: with a link called `docker` to Tagseal earlier in PATH, starting "docker" would
 * start Tagseal endlessly.
 */
import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { TagsealError, UsageError } from "../errors.ts";
import type { EngineKind, ProgramKind } from "./command-line/invocation.ts";
import type { Environment } from "../environment/environment.ts";
import { searchedDirectories } from "../environment/program-search.ts";

/** An engine's command on this machine. */
export interface EngineExecutable {
  readonly kind: ProgramKind;
  /** absolute */
  readonly path: string;
}

/** Where to look for an engine. */
export interface EngineSearch {
  readonly env: Environment;
  /** files of this program, as found; real paths are compared */
  readonly self: readonly string[];
  /** the engine that was asked for: `docker`, `podman`, or a path to either. Default: docker, or podman where only that is installed */
  readonly wanted?: string | undefined;
}

/** The variable that names the engine, or the path to it. */
export const engineVariable = "TAGSEAL_ENGINE";

const kinds: readonly EngineKind[] = ["docker", "podman"];

/**
 * Finds the engine to use: the one asked for, else docker, else podman.
 *
 * @throws TagsealError `ENGINE_NOT_FOUND`; UsageError `USAGE` for an engine that is neither
 */
export function findEngine(search: EngineSearch): EngineExecutable {
  const { wanted } = search;
  if (wanted === undefined || wanted === "") {
    for (const kind of kinds) {
      const found = searchPath(kind, search);
      if (found !== undefined) return found;
    }
    throw notFound("no container engine found: neither docker nor podman is in PATH", search);
  }
  if (wanted.includes("/")) return namedFile(wanted, search);
  const kind = kinds.find((known) => known === wanted);
  if (kind === undefined) {
    throw new UsageError("USAGE", `unknown engine "${wanted}"`, {
      hint: "Name docker, podman, or the path to one.",
    });
  }
  const found = searchPath(kind, search);
  if (found === undefined) throw notFound(`${kind} is not in PATH`, search);
  return found;
}

function namedFile(path: string, search: EngineSearch): EngineExecutable {
  const absolute = resolve(path);
  if (!isExecutable(absolute)) throw notFound(`no executable at ${absolute}`, search);
  if (isTagseal(absolute, search.self)) throw notFound(`${absolute} is Tagseal itself, not a container engine`, search);
  return { kind: kindOf(absolute), path: absolute };
}

/** Every file in PATH with this name, in order; those that are Tagseal are marked. */
export function candidates(
  name: string,
  search: EngineSearch,
): { readonly path: string; readonly isTagseal: boolean }[] {
  return executables(name, search).map((path) => ({ path, isTagseal: isTagseal(path, search.self) }));
}

function executables(name: string, { env }: EngineSearch): string[] {
  const paths = [
    ...new Set(searchedDirectories({ PATH: env["PATH"] ?? "" }).map((directory) => join(directory, name))),
  ];
  return paths.filter((path) => isExecutable(path));
}

function searchPath(kind: EngineKind, search: EngineSearch): EngineExecutable | undefined {
  const path = executables(kind, search).find((candidate) => !isTagseal(candidate, search.self));
  return path === undefined ? undefined : { kind: kindOf(path), path };
}

/** The package podman-docker installs a script called docker that starts podman. */
function kindOf(path: string): ProgramKind {
  const program = (["podman", "buildah"] as const).find((name) => basename(path).startsWith(name));
  if (program !== undefined) return program;
  return /\bpodman\b/u.test(scriptText(path)) ? "podman" : "docker";
}

/** True when the file is this program, another copy of it, or a script that starts it. */
export function isTagseal(path: string, self: readonly string[]): boolean {
  const real = realPath(path);
  if (self.some((file) => realPath(file) === real)) return true;
  return /^tagseal(?:-linux-\w+)?(?:\.\w+)?$/u.test(basename(real)) || /\btagseal\b/u.test(scriptText(path));
}

/** The first lines of a script; empty for anything else. */
function scriptText(path: string): string {
  const start = Buffer.alloc(4096);
  const file = openSync(path, "r");
  try {
    const text = start.toString("latin1", 0, readSync(file, start, 0, start.length, 0));
    return text.startsWith("#!") ? text : "";
  } finally {
    closeSync(file);
  }
}

function realPath(path: string): string {
  // A file that disappeared in between is compared by its name.
  return statSync(path, { throwIfNoEntry: false }) === undefined ? resolve(path) : realpathSync(path);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK | constants.R_OK);
    return statSync(path).isFile();
  } catch {
    return false; // missing, or not accessible: the search continues
  }
}

function notFound(message: string, { env }: EngineSearch): TagsealError {
  return new TagsealError("ENGINE_NOT_FOUND", message, {
    hint: `Install docker or podman, or set ${engineVariable} to the one to use. PATH is ${env["PATH"] ?? "empty"}.`,
  });
}
