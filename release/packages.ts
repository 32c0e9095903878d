/**
 * `npm run packages`: the packages for Linux distributions in `dist/packages/` (or the directory named on the command line): `tagseal` for
 * x64 and arm64, `tagseal-server` for machines like this one, each as `.deb` and `.rpm`.
 */
import { join, resolve } from "node:path";
import { buildInto, inTemporaryDirectory } from "./built.ts";
import { type Target } from "./bun.ts";
import { buildExecutable, executableName } from "./executable-build.ts";
import { packagedTargets, requirePackagingPrograms, writeLinuxPackages } from "./linux-packages.ts";
import { emptyOutput } from "./output-directory.ts";

const output = resolve(process.argv[2] ?? join(import.meta.dirname, "..", "dist", "packages"));

requirePackagingPrograms();
emptyOutput(output, /^tagseal/u);
inTemporaryDirectory((work) => {
  const built = buildInto(join(work, "dist"));
  const executable = (target: Target): string => join(work, executableName(target));
  for (const target of packagedTargets) buildExecutable(target, executable(target));
  const written = writeLinuxPackages({ built, executable, work, output });
  process.stdout.write(`${written.map((file) => join(output, file)).join("\n")}\n`);
});
