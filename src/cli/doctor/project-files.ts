/** The files of the project in a directory, up to a reasonable number. */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { textOf } from "./text-of.ts";

const maxDepth = 5;
const maxDirectories = 2_000;
const maxFileBytes = 512 * 1024;
const skipped: ReadonlySet<string> = new Set([".git", "node_modules", "vendor", "dist", "target", ".venv"]);

/** Paths of files relative to `directory`, sorted, breadth first up to a bound. */
export async function filesBelow(directory: string): Promise<string[]> {
  const files: string[] = [];
  let level = [""];
  let seen = 0;
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const below of level) {
      if (++seen > maxDirectories) return files.toSorted();
      for (const entry of await entriesOf(join(directory, below))) {
        const path = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isFile()) files.push(path);
        else if (entry.isDirectory() && !skipped.has(entry.name)) next.push(path);
      }
    }
    level = next;
  }
  return files.toSorted();
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch {
    return []; // this account may not read it
  }
}

/** The text of a file of ordinary size. */
export function projectText(path: string): string {
  return textOf(path, maxFileBytes);
}
