/**
 * `npm run packages`: the packages for Linux distributions in `dist/packages/` (or the directory named on the command line): `tagseal` for
 * x64 and arm64, `tagseal-server` for machines like this one, each as `.deb` and `.rpm`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Target } from "./bun.ts";
import { writeDeb } from "./deb.ts";
import { buildExecutable, executableName } from "./executable-build.ts";
import { commandPackage, serverPackage } from "./package-contents.ts";
import { writeRpm } from "./rpm.ts";

const root = resolve(import.meta.dirname, "..");
const output = resolve(process.argv[2] ?? join(root, "dist", "packages"));
const platforms: readonly Target[] = ["linux-x64", "linux-arm64"];

function requirePrograms(): void {
  for (const [program, debian] of [
    ["dpkg-deb", "dpkg"],
    ["rpmbuild", "rpm"],
  ] as const) {
    try {
      execFileSync(program, ["--version"], { stdio: "ignore" });
    } catch (cause) {
      throw new Error(`${program} is not installed; Debian has it in the package ${debian}`, { cause });
    }
  }
}

function writeAll(work: string): string[] {
  const built = join(work, "dist");
  execFileSync(process.execPath, [join(root, "build.ts"), built], { stdio: ["ignore", "ignore", "inherit"] });
  const written: string[] = [];
  for (const target of platforms) {
    const parts = { built, executable: join(work, executableName(target)), architecture: target.replace("linux-", "") };
    buildExecutable(target, parts.executable);
    written.push(writeDeb(commandPackage(work, "deb", parts), output));
    written.push(writeRpm(commandPackage(work, "rpm", parts), work, output));
  }
  const server = serverPackage(work, built);
  // The files that make a Debian package of a directory would be in the way of the other format.
  return [...written, writeRpm(server, work, output), writeDeb(server, output)];
}

requirePrograms();
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "tagseal-packages-"));
try {
  process.stdout.write(
    `${writeAll(work)
      .map((file) => join(output, file))
      .join("\n")}\n`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
