/** Writes Debian packages, with dpkg's own program. */
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { currentVersion, maintainers, releaseDate } from "./edition.ts";
import { entriesOf, setModes } from "./modes.ts";
import type { LinuxPackage } from "./package-contents.ts";
import { serviceScripts } from "./service-scripts.ts";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The version as Debian has it: `~` sorts a pre-release before its release. */
function debianVersion(): string {
  return `${currentVersion().replace("-", "~")}-1`;
}

/** Writes the package into `output`. @returns its file name */
export function writeDeb(contents: LinuxPackage, output: string): string {
  const architecture = architectures[contents.architecture] ?? contents.architecture;
  setModes(contents.tree);
  writeControl(contents, architecture);
  const file = `${contents.name}_${debianVersion()}_${architecture}.deb`;
  // Debian 12 and Ubuntu 18.04 are the first that read zstd.
  const options = ["--root-owner-group", "-Zzstd", "-z3", "--build", contents.tree, join(output, file)];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(releaseDate().getTime() / 1000)) };
  execFileSync("dpkg-deb", options, { stdio: ["ignore", "ignore", "inherit"], env });
  return file;
}

function writeControl(contents: LinuxPackage, architecture: string): void {
  const control = join(contents.tree, "DEBIAN");
  const size = installedKibibytes(contents.tree);
  mkdirSync(control, { mode: 0o755 });
  const fields = [
    `Package: ${contents.name}`,
    `Version: ${debianVersion()}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainers()}`,
    `Installed-Size: ${size}`,
    `Depends: ${contents.needs.deb}`,
    "Recommends: ca-certificates",
    "Section: admin",
    "Priority: optional",
    `Description: ${contents.summary}`,
    ` ${contents.description}`,
  ];
  writeFileSync(join(control, "control"), `${fields.join("\n")}\n`);
  if (contents.settings.length > 0) writeFileSync(join(control, "conffiles"), `${contents.settings.join("\n")}\n`);
  if (contents.services.length > 0) writeScripts(contents, control);
}

function installedKibibytes(tree: string): number {
  const sizes = entriesOf(tree).map((name) => lstatSync(join(tree, name)).size);
  return Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}

function writeScripts({ name, services }: LinuxPackage, control: string): void {
  const { placed, upgraded, leaving, left } = serviceScripts(services);
  const kept = `echo "${name}: databases and keys stay in /var/lib/private/tagseal and /var/lib/private/tagseal-signer"`;
  const scripts: Readonly<Record<string, string>> = {
    // The second argument is the version that was there before.
    postinst: `if [ "$1" = configure ]; then\n${placed}if [ -n "$2" ]; then\n${upgraded}fi\nfi\n`,
    prerm: `if [ "$1" = remove ]; then\n${leaving}fi\n`,
    postrm: `${left}if [ "$1" = purge ]; then ${kept}; fi\n`,
  };
  for (const [file, script] of Object.entries(scripts)) {
    writeFileSync(join(control, file), `#!/bin/sh\nset -e\n${script}`, { mode: 0o755 });
  }
}
