/**
 * `npm run packages`: the packages for Linux distributions in `dist/packages/` (or the directory named on the command line): `tagseal` for
 * x64 and arm64, `tagseal-server` for machines like this one, each as `.deb` and `.rpm`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Target } from "./bun.ts";
import { buildExecutable, executableName } from "./executable-build.ts";
import { packagedTargets, requirePackagingPrograms, writeLinuxPackages } from "./linux-packages.ts";

const root = resolve(import.meta.dirname, "..");
const output = resolve(process.argv[2] ?? join(root, "dist", "packages"));

requirePackagingPrograms();
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "tagseal-packages-"));
try {
  const built = join(work, "dist");
  execFileSync(process.execPath, [join(root, "build.ts"), built], { stdio: ["ignore", "ignore", "inherit"] });
  const executable = (target: Target): string => join(work, executableName(target));
  for (const target of packagedTargets) buildExecutable(target, executable(target));
  const written = writeLinuxPackages({ built, executable, work, output });
  process.stdout.write(`${written.map((file) => join(output, file)).join("\n")}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
