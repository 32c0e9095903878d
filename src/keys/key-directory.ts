import { chmod, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { KeyStoreError } from "../errors.ts";
import { makeDirectory } from "../files/make-directory.ts";
import { hasModes, refuseWorldWritable } from "../files/private-modes.ts";
import { isErrno, systemReason } from "../files/system-error.ts";
import { isKeyId } from "./key-store.ts";

const maxDepth = 8;
const maxFiles = 10_000;

/** One `.key` file below a key directory. */
export interface FoundFile {
  readonly path: string;
  readonly keyId: string;
}

/**
 * Finds every `<key ID>.key` below a directory. Symbolic links are not followed.
 *
 * @returns files by key ID; of two files for one key the one nearest the top counts
 * @throws KeyStoreError `KEY_FILE_UNSAFE` when all users may write to the directory, `FILE_UNREADABLE`
 */
export async function findKeyFiles(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let level = [directory];
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const below: string[] = [];
    for (const current of level) {
      const { files, directories } = await listDirectory(current);
      for (const { keyId, path } of files) if (!found.has(keyId) && found.size < maxFiles) found.set(keyId, path);
      below.push(...directories);
    }
    level = below;
  }
  return found;
}

interface Listing {
  readonly files: readonly FoundFile[];
  readonly directories: readonly string[];
}

async function listDirectory(directory: string): Promise<Listing> {
  const files: FoundFile[] = [];
  const directories: string[] = [];
  try {
    await checkDirectory(directory);
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      const keyId = basename(entry.name, ".key");
      if (entry.isDirectory()) directories.push(path);
      else if (entry.isFile() && entry.name.endsWith(".key") && isKeyId(keyId)) files.push({ path, keyId });
    }
  } catch (cause) {
    if (isErrno(cause, "ENOENT", "ENOTDIR")) return { files, directories };
    if (cause instanceof KeyStoreError) throw cause;
    throw unreadableDirectory(directory, cause);
  }
  return { files, directories };
}

/**
 * Checks a key directory before anything in it is used.
 *
 * @throws KeyStoreError `KEY_FILE_UNSAFE` when all users may write to it; the system's error when it is absent
 */
export async function checkDirectory(directory: string): Promise<void> {
  refuseWorldWritable(directory, await stat(directory));
}

/** The error for a key directory that cannot be read. */
export function unreadableDirectory(directory: string, cause: unknown): KeyStoreError {
  return new KeyStoreError("FILE_UNREADABLE", `Cannot read key directory ${directory}: ${systemReason(cause)}`, {
    cause,
    hint: "Let your account read it, or set DOCKER_CONFIG to a directory that is yours.",
  });
}

/**
 * Creates a key directory and its missing parents with mode 0700; tightens a looser mode.
 *
 * @throws KeyStoreError `FILE_UNWRITABLE`, `KEY_FILE_UNSAFE`
 */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    makeDirectory(directory);
    await checkDirectory(directory);
    await tightenMode(directory, 0o700);
  } catch (cause) {
    if (cause instanceof KeyStoreError) throw cause;
    throw new KeyStoreError("FILE_UNWRITABLE", `Cannot make key directory ${directory}: ${systemReason(cause)}`, {
      cause,
      hint: "Make the trust directory writable, or set DOCKER_CONFIG to a directory that is.",
    });
  }
}

/** Removes permissions beyond `mode` from a file or directory. */
export async function tightenMode(path: string, mode: number): Promise<void> {
  if (!hasModes) return;
  const { mode: actual } = await stat(path);
  if ((actual & 0o077) !== 0) await chmod(path, mode);
}
