/** Dockerfiles that are files on this machine. */
import { copyFile, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { UsageError } from "../../errors.ts";
import type { EngineKind } from "../command-line/invocation.ts";
import type { PrivateDirectory } from "./private-directory.ts";
import { DockerfileRefused } from "./refused.ts";

/** A Dockerfile as it was found. */
export interface FoundDockerfile {
  /** for messages */
  readonly name: string;
  /** where it is */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What the engine looks for when no `-f` is given, in its order. */
export const defaultNames: Readonly<Record<EngineKind, readonly string[]>> = {
  docker: ["Dockerfile", "dockerfile"],
  podman: ["Containerfile", "Dockerfile"],
};

const maxBytes = 16 * 1024 * 1024;

/**
 * Reads the Dockerfile of a build from a directory.
 *
 * @param file value of `-f`; relative to the working directory, with podman also to the context
 * @throws UsageError `FILE_UNREADABLE` in docker's words; `DOCKERFILE_REFUSED` for podman's templates
 */
export async function findDockerfile(
  directory: string,
  file: string | undefined,
  kind: EngineKind,
): Promise<FoundDockerfile> {
  const candidates =
    file === undefined
      ? defaultNames[kind].map((name) => join(directory, name))
      : [file, ...(kind === "podman" && !isAbsolute(file) ? [join(directory, file)] : [])];
  for (const path of candidates) {
    if (!(await exists(path))) continue;
    if (kind === "podman" && path.endsWith(".in")) {
      throw new DockerfileRefused(
        `${path} is a template for the C preprocessor`,
        "preprocess it, and build from the result",
      );
    }
    return { name: path, path, bytes: await readBounded(path) };
  }
  throw missing(resolve(candidates[0] ?? directory));
}

/** Answers whether a file lies in a directory, links followed. */
export async function isInside(directory: string, path: string): Promise<boolean> {
  const inside = relative(await realpath(directory), await realpath(path));
  return inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

/** @throws UsageError `FILE_UNREADABLE` when a file of the context lies outside of it, behind links */
export async function refuseOutside(directory: string, path: string, name: string): Promise<void> {
  if (await isInside(directory, path)) return;
  throw new UsageError("FILE_UNREADABLE", `the Dockerfile (${name}) must be within the build context`);
}

/** Files beside a Dockerfile that belong to it by their names. */
const companions = [".dockerignore", ".containerignore", ".rego"];

/**
 * Puts a Dockerfile where only the engine reads it: under its own name, with what belongs to it beside it.
 *
 * @returns its new path
 */
export async function placeDockerfile(
  found: FoundDockerfile,
  bytes: Uint8Array,
  directory: PrivateDirectory,
): Promise<string> {
  const name = basename(found.path);
  const placed = await directory.write(name, bytes);
  for (const ending of companions) {
    const companion = join(dirname(found.path), name + ending);
    if (await exists(companion)) await copyFile(companion, placed + ending);
  }
  return placed;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return false;
    throw unreadable(path, error);
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= maxBytes) return bytes;
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new DockerfileRefused(`${path} has more than ${maxBytes} bytes`);
}

function missing(path: string): UsageError {
  return new UsageError(
    "FILE_UNREADABLE",
    `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${path}: no such file or directory`,
  );
}

function unreadable(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("syscall" in cause)) return cause;
  return new UsageError("FILE_UNREADABLE", `unable to prepare context: ${path}: ${cause.message}`, { cause });
}
