/** The build that every part of a release begins with. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { builtOnce } from "./build-cache.ts";

const root = resolve(import.meta.dirname, "..");

/** Runs build.ts with `directory` as its output. @returns that directory */
export function buildInto(directory: string): string {
  builtOnce("dist", directory, () => {
    execFileSync(process.execPath, [join(root, "build.ts"), directory], { stdio: ["ignore", "ignore", "inherit"] });
  });
  return directory;
}

/** Gives `work` a temporary directory. */
export function inTemporaryDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "tagseal-release-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
