import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors.ts";
import { readPrivateFile } from "../../files/read-private-file.ts";
import { lstatIfThere } from "../../files/stat-if-there.ts";
import { isErrno, isSystemError, systemReason } from "../../files/system-error.ts";
import { maxStagedChangeBytes } from "../../tuf/notary-v1/staged-change.ts";
import type { StagedFile, StagedFiles } from "../staged/staged-changes.ts";
import { corrupt } from "./role-file.ts";

/** More than a person stages: a tool went wrong. */
const maxFiles = 10_000;

/**
 * The changes that docker and notary staged for a collection: `tuf/<gun>/changelist/*.change`. Links are not followed.
 *
 * @see Notary v1: changelist on disk
 */
export class Changelist implements StagedFiles {
  readonly #directory: string;

  /**
   * @param trustDirectory docker's `$DOCKER_CONFIG/trust`
   * @param gun of an image reference
   */
  constructor(trustDirectory: string, gun: string) {
    this.#directory = join(trustDirectory, "tuf", gun, "changelist");
  }

  /**
   * @throws MetadataError `METADATA_CACHE_CORRUPT` for anything other than a directory
   * @throws UsageError `FILE_UNREADABLE`; `TOO_LARGE` for too many files
   */
  async load(): Promise<readonly StagedFile[]> {
    const names = (await this.#names()).filter((name) => name.endsWith(".change")).toSorted();
    if (names.length > maxFiles)
      throw new UsageError("TOO_LARGE", `${this.#directory} has ${names.length} staged changes, more than ${maxFiles}`);
    return names.map((name) => {
      const path = join(this.#directory, name);
      return { name, path, content: contentOf(path) };
    });
  }

  /** @throws UsageError `FILE_UNWRITABLE` */
  async remove(files: readonly Pick<StagedFile, "path">[]): Promise<void> {
    for (const { path } of files) {
      try {
        await rm(path, { force: true });
      } catch (error) {
        if (!isSystemError(error)) throw error;
        throw new UsageError("FILE_UNWRITABLE", `cannot remove ${path}: ${systemReason(error)}`, { cause: error });
      }
    }
  }

  async #names(): Promise<readonly string[]> {
    const found = lstatIfThere(this.#directory);
    if (found?.isDirectory() === false) throw corrupt(this.#directory, "a directory", "something else");
    try {
      return await readdir(this.#directory);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
      if (!isSystemError(error)) throw error;
      throw new UsageError("FILE_UNREADABLE", `cannot read ${this.#directory}: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }
}

function contentOf(path: string): StagedFile["content"] {
  try {
    const found = readPrivateFile(path, maxStagedChangeBytes);
    if (found.kind === "file") return found.bytes;
    if (found.kind === "too large") return { problem: `it has ${found.size} bytes` };
    return { problem: found.kind === "nothing" ? "it has just been removed" : `it is ${found.what}` };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { problem: systemReason(error) };
  }
}
