/**
 * `npm run release`: everything a release consists of, in `dist/release/` (or the directory named on the command line): executables, packages,
 * the archive of the manual, the bill of materials, and the sums of them all. With `--sign` it is signed, as `npm run release:sign` does.
 */
import { mkdirSync, mkdtempDisposableSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildInto } from "./built.ts";
import { type Target, targets } from "./bun.ts";
import { writeSums } from "./checksums.ts";
import { buildExecutable, releasedExecutable } from "./executable-build.ts";
import { requirePackagingPrograms, writeLinuxPackages } from "./linux-packages.ts";
import { writeManual } from "./manual.ts";
import { sbomName, softwareBillOfMaterials } from "./sbom.ts";
import { signForCommand } from "./signing.ts";

const { values, positionals } = parseArgs({
  options: { sign: { type: "boolean" }, initialise: { type: "boolean" } },
  allowPositionals: true,
});
const output = resolve(positionals[0] ?? join(import.meta.dirname, "..", "dist", "release"));

async function writeFiles(work: string): Promise<void> {
  const built = buildInto(join(work, "dist"));
  const executable = (target: Target): string => join(output, releasedExecutable(target));
  for (const target of targets) buildExecutable(target, executable(target));
  writeLinuxPackages({ built, executable, work, output });
  await writeManual(built, output);
  writeFileSync(join(output, sbomName()), softwareBillOfMaterials());
  await writeSums(output);
}

requirePackagingPrograms();
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
{
  using work = mkdtempDisposableSync(join(tmpdir(), "tagseal-release-"));
  await writeFiles(work.path);
}
process.stdout.write(`${output} is complete\n`);
if (values.sign === true) {
  process.exitCode = await signForCommand(output, { initialise: values.initialise ?? false });
} else {
  process.stdout.write(`It is not signed. To sign it: npm run release:sign -- ${output}\n`);
}
