/** A file of the metadata cache as it is on disk: read within a bound, without following links, and told from one that replaced it. */
import { lstat } from "node:fs/promises";
import { MetadataError, UsageError } from "../../errors.ts";
import { readPrivateFile } from "../../files/read-private-file.ts";
import { isErrno, isSystemError, systemReason } from "../../files/system-error.ts";

/** No role file is larger; the cache must not bypass the limits for downloads. */
const maxFileBytes = 100 * 1024 * 1024;

/** Identifies the state of a file without reading it. */
export interface FileIdentity {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Reads a file of the cache; undefined when there is none.
 *
 * @throws MetadataError `METADATA_CACHE_CORRUPT` for a link, anything other than a file, or a size above every limit
 * @throws UsageError `FILE_UNREADABLE`
 */
export function readRoleFile(path: string): { bytes: Uint8Array; identity: FileIdentity } | undefined {
  const found = orExplain(path, () => readPrivateFile(path, maxFileBytes));
  if (found.kind === "nothing") return undefined;
  if (found.kind === "file") return { bytes: found.bytes, identity: found.stats };
  if (found.kind === "too large") throw corrupt(path, `at most ${maxFileBytes} bytes`, `${found.size}`);
  throw corrupt(path, "a file", found.what);
}

/** Runs `look` at a path of the cache. @throws UsageError `FILE_UNREADABLE` when the system refuses */
export function orExplain<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: Error): UsageError {
  return new UsageError("FILE_UNREADABLE", `cannot read the cached metadata ${path}: ${systemReason(cause)}`, {
    cause,
    hint: "Let your account read it, or set DOCKER_CONFIG to a directory that is yours.",
  });
}

/** The state of the file that is at a path now; undefined when there is none. */
export async function identityOf(path: string): Promise<FileIdentity | undefined> {
  return await lstat(path).catch(absentAsUndefined);
}

/** True when the file is there and was not replaced or written since the other look. */
export function isSameFile(one: FileIdentity, other: FileIdentity | undefined): boolean {
  return one.ino === other?.ino && one.size === other.size && one.mtimeMs === other.mtimeMs;
}

/** The error for what this program did not put into the cache, `METADATA_CACHE_CORRUPT`. */
export function corrupt(path: string, expected: string, actual: string): MetadataError {
  return new MetadataError("METADATA_CACHE_CORRUPT", `${path}: expected ${expected}, found ${actual}`, {
    hint: "Find out who changed it. Only if you know why, remove it: the repository is then trusted again on first use.",
  });
}

function absentAsUndefined(error: unknown): undefined {
  if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
  return undefined;
}
