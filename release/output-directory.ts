/** Directories that the scripts here write into: what an earlier run left there is replaced, and nothing else. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";

/**
 * Makes an empty directory.
 *
 * @param own names of what these scripts put there
 * @throws Error when it is no directory, or holds anything else: then nothing is removed
 */
export function emptyOutput(directory: string, own: RegExp): void {
  mkdirSync(directory, { recursive: true });
  const other = readdirSync(directory).find((name) => !own.test(name));
  if (other !== undefined)
    throw new Error(
      `${directory} would be emptied, and holds ${other}: name a directory that is empty or does not exist`,
    );
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
}
