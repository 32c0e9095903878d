/**
 * Whether files that a database keeps open still are the ones at their paths. Once a file was removed or renamed, its directory exchanged, or
 * another file system mounted over it, writing to it succeeds all the same, and what was written is not there at the next start.
 */

import { statSync } from "node:fs";

/** What identifies a file as long as it exists: device and inode. */
type FileIdentity = string;

/** Remembers which files are at some paths. A look reads no disk: the kernel has what is open in memory. */
export class FilePlaces {
  readonly #paths: readonly string[];
  #known: ReadonlyMap<string, FileIdentity> = new Map();

  /** @param paths of files that are open, or about to be; those that are not there yet are not watched */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.remember();
  }

  /** To be called when files were made or exchanged on purpose. */
  remember(): void {
    const found = this.#paths.map((path) => [path, identityAt(path)] as const);
    this.#known = new Map(found.filter((entry): entry is readonly [string, FileIdentity] => entry[1] !== undefined));
  }

  /** What is wrong, for an error's message; undefined while each file is where it was. */
  get trouble(): string | undefined {
    for (const [path, known] of this.#known) {
      try {
        const found = identityAt(path);
        if (found === undefined) return `${path} is no longer there`;
        if (found !== known) return `another file is at ${path}`;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    }
    return undefined;
  }
}

/** @throws what the system says when it may not be looked at */
function identityAt(path: string): FileIdentity | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}
