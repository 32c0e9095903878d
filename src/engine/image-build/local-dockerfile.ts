/** Dockerfiles that are files on this machine. */
import { copyFile, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, posix, relative, resolve, sep } from "node:path";
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

/** A Dockerfile that is not a local file yet. */
export interface PackedDockerfile {
  /** its name in the archive, cleaned: no `./`, no `//` */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** the files that belong to it, by the suffix that their names add to the Dockerfile's */
  readonly companions?: ReadonlyMap<string, Uint8Array>;
}

/** The names that the engine tries when no `-f` is given, in its order. */
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
      : [file, ...(kind === "podman" ? [join(directory, file)] : [])];
  for (const path of candidates) {
    const found = await findFile(path, kind);
    if (found !== undefined) return found;
  }
  throw missing(resolve(candidates[0] ?? directory));
}

/**
 * Reads one file.
 *
 * @returns undefined when it is not there
 * @throws UsageError as {@link findDockerfile}
 */
export async function findFile(path: string, kind: EngineKind): Promise<FoundDockerfile | undefined> {
  if (!(await exists(path))) return undefined;
  refuseTemplate(path, kind);
  if (kind === "docker") await refusePolicy(path);
  return { name: path, path, bytes: await readBounded(path) };
}

/** Refuses a file that podman gives to the C preprocessor before it reads it. @throws UsageError `DOCKERFILE_REFUSED` */
export function refuseTemplate(name: string, kind: EngineKind): void {
  if (kind !== "podman" || !name.endsWith(".in")) return;
  throw new DockerfileRefused(
    `${name} is a template for the C preprocessor`,
    "preprocess it, and build from the result",
  );
}

/** buildx uses such a policy by default; it may replace the checked digests by others. */
async function refusePolicy(path: string): Promise<void> {
  if (!(await exists(`${path}.rego`))) return;
  throw new DockerfileRefused(
    `${path}.rego is a policy that may replace images after they were checked`,
    "move it away for builds under content trust",
  );
}

/** Whether a file is in a directory, links followed. */
export async function isInside(directory: string, path: string): Promise<boolean> {
  const inside = relative(await realpath(directory), await realpath(path));
  return inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

/** Refuses a file of the context that links lead outside it. @throws UsageError `FILE_UNREADABLE` */
export async function refuseOutside(directory: string, path: string, name: string): Promise<void> {
  if (await isInside(directory, path)) return;
  throw new UsageError("FILE_UNREADABLE", `the Dockerfile (${name}) must be within the build context`);
}

/** Files beside a Dockerfile that belong to it by their names. */
export const companionEndings = [".dockerignore", ".containerignore"] as const;

/**
 * Writes a Dockerfile into a private directory for the engine, under its own name and with the files that belong to it.
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
  for (const ending of companionEndings) {
    const companion = join(dirname(found.path), name + ending);
    if (await exists(companion)) await copyFile(companion, placed + ending);
  }
  return placed;
}

/**
 * The same for a Dockerfile from an archive or standard input.
 *
 * @returns its new path
 */
export async function placePackedDockerfile(
  { name, bytes, companions = new Map() }: PackedDockerfile,
  directory: PrivateDirectory,
): Promise<string> {
  const placed = await directory.write(posix.basename(name), bytes);
  for (const [ending, content] of companions) await directory.write(posix.basename(name) + ending, content);
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
