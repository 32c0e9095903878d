/** The archive of manual pages and completions, for package managers that take the executable as it is. */
import { createWriteStream, globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { currentVersion, releaseDate } from "./edition.ts";

const root = resolve(import.meta.dirname, "..");

/** The file of the archive in a release. */
export function manualName(): string {
  return `tagseal-${currentVersion()}-manual.tar.gz`;
}

/** Writes the archive into `output`: `man/` and `completions/`, and the licences. `built` is what build.ts wrote. */
export async function writeManual(built: string, output: string): Promise<void> {
  const files = [
    ...globSync(join(root, "completions", "*")).map((file) => ["completions", file] as const),
    ...globSync(join(built, "man", "*.1")).map((file) => ["man", file] as const),
    [".", join(root, "LICENSE")] as const,
    [".", join(built, "commands.js.LEGAL.txt")] as const,
  ];
  const archive = pack();
  for (const [directory, file] of files.toSorted(([, one], [, other]) => (one < other ? -1 : 1))) {
    archive.entry({ name: join(directory, basename(file)), mode: 0o644, mtime: releaseDate() }, readFileSync(file));
  }
  archive.finalize();
  await pipeline(archive, createGzip({ level: 9 }), createWriteStream(join(output, manualName())));
}
