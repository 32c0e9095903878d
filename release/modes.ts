/** The modes of packed files, which must not depend on the user who packs them. */
import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Files and directories below `tree`, hidden ones too, by their paths from there, in a fixed order. */
export function entriesOf(tree: string): string[] {
  return readdirSync(tree, { recursive: true, encoding: "utf8" }).toSorted();
}

/** Makes `tree` and everything in it readable by all and writable by its owner alone, whatever the umask of the build. */
export function setModes(tree: string): void {
  for (const path of [tree, ...entriesOf(tree).map((name) => join(tree, name))]) {
    const stat = lstatSync(path);
    // A link has no mode; changing it would change its target.
    if (stat.isSymbolicLink()) continue;
    chmodSync(path, stat.isDirectory() || (stat.mode & 0o111) !== 0 ? 0o755 : 0o644);
  }
}
