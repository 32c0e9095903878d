/**
 * Keeps what was built for the next build of the same sources, where `TAGSEAL_BUILD_CACHE` names a directory for it: continuous integration needs the
 * same executables and bundles a dozen times. Without the variable everything is built.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { moveWhereNoneIs } from "./bun.ts";
import { releaseDate } from "./edition.ts";

const root = resolve(import.meta.dirname, "..");

/** Everything that decides what is built; the last one says which packages are installed. */
const inputs = [
  "src/**",
  "bin/*",
  "release/*",
  "*.json",
  "build.ts",
  "CHANGELOG.md",
  "node_modules/.package-lock.json",
];

function sumOfInputs(): string {
  const sum = createHash("sha256");
  for (const path of globSync(inputs, { cwd: root }).sort()) {
    const file = join(root, path);
    if (statSync(file).isFile()) sum.update(`${path}\0`).update(readFileSync(file)).update("\0");
  }
  // what is built shows this date
  return sum.update(releaseDate().toISOString()).digest("hex");
}

/** Makes `output`, a file or a directory, by `build`, or as a copy of what the same sources gave under the same name. */
export function builtOnce(name: string, output: string, build: () => void): void {
  const cache = process.env["TAGSEAL_BUILD_CACHE"];
  if (cache === undefined) return build();
  const directory = join(cache, sumOfInputs());
  const kept = join(directory, name);
  if (existsSync(kept)) return cpSync(kept, output, { recursive: true });
  build();
  mkdirSync(directory, { recursive: true });
  // It appears whole: several processes may build at the same time.
  const made = mkdtempSync(`${kept}-`);
  cpSync(output, join(made, name), { recursive: true });
  moveWhereNoneIs(join(made, name), kept);
  rmSync(made, { recursive: true });
  return undefined;
}
