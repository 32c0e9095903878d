/**
 * `npm run release`: everything a release consists of, in `dist/release/` (or the directory named on the command line): executables, packages,
 * the archive of the manual, the bill of materials, install.sh and the Homebrew formula, and the sums of them all.
 *
 * `--url` is the address at which people will find the files. With `--sign` the release is signed, as `npm run release:sign` does.
 */
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildInto } from "./built.ts";
import { type Target, targets } from "./bun.ts";
import { measure, sumsName, writeSums } from "./checksums.ts";
import { buildExecutable, releasedExecutable } from "./executable-build.ts";
import { formula, formulaName } from "./formula.ts";
import { installScript, installScriptName } from "./install-script.ts";
import { requirePackagingPrograms, writeLinuxPackages } from "./linux-packages.ts";
import { manualName, writeManual } from "./manual.ts";
import { emptyOutput } from "./output-directory.ts";
import { sbomName, softwareBillOfMaterials } from "./sbom.ts";
import { signForCommand } from "./signing.ts";
import { writeTarball } from "./tarball-contents.ts";

const { values, positionals } = parseArgs({
  options: { url: { type: "string" }, sign: { type: "boolean" }, initialise: { type: "boolean" } },
  allowPositionals: true,
});
const output = resolve(positionals[0] ?? join(import.meta.dirname, "..", "dist", "release"));

/** A name that can never lead anywhere, in the place of an address that does not exist yet. */
const nowhere = "https://releases.tagseal.invalid";

/** @throws Error for an address that scripts and formulas cannot hold, or that is not protected */
function downloadUrl(): string | undefined {
  const url = values.url?.replace(/\/$/u, "");
  if (url === undefined || /^https:\/\/[\w.:-]+(?:\/[\w.%~+-]+)*$/u.test(url)) return url;
  throw new Error(`--url: expected an https address without a query, got "${url}"`);
}

async function writeFormula(url: string): Promise<void> {
  const names = [...targets.map((target) => releasedExecutable(target)), manualName()];
  const files = await Promise.all(names.map((name) => measure(output, name)));
  const sums = new Map(files.map(({ name, sha256 }) => [name, sha256]));
  const text = formula({ url, sumOf: (name) => sums.get(name) ?? "" });
  writeFileSync(join(output, formulaName), text);
}

async function writeFiles(work: string): Promise<void> {
  const built = buildInto(join(work, "dist"));
  const executable = (target: Target): string => join(output, releasedExecutable(target));
  for (const target of targets) buildExecutable(target, executable(target));
  writeLinuxPackages({ built, executable, work, output });
  writeTarball(built, work, output);
  await writeManual(built, output);
  writeFileSync(join(output, sbomName()), softwareBillOfMaterials());
  writeFileSync(join(output, installScriptName), installScript(url), { mode: 0o755 });
  await writeFormula(url ?? nowhere);
  await writeSums(output);
}

const url = downloadUrl();
requirePackagingPrograms();
emptyOutput(output, new RegExp(`^(?:tagseal.*|${sumsName}|${installScriptName})$`, "u"));
{
  using work = mkdtempDisposableSync(join(tmpdir(), "tagseal-release-"));
  await writeFiles(work.path);
}
process.stdout.write(`${output} is complete\n`);
if (url === undefined)
  process.stdout.write("It has no download address: install.sh asks for one. To set it: --url URL\n");
if (values.sign === true) {
  process.exitCode = await signForCommand(output, { initialise: values.initialise ?? false });
} else {
  process.stdout.write(`It is not signed. To sign it: npm run release:sign -- ${output}\n`);
}
