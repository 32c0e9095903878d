/**
 * The npm package as it is published: the files of `npm pack`, without those that only a checkout needs. Users who install a command
 * have chosen a runtime, so it contains none (decision 2); packages in the bundle are not installed a second time; and it has no
 * install scripts.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setModes } from "./modes.ts";
import { outsideTheBundle } from "./outside-the-bundle.ts";

const root = resolve(import.meta.dirname, "..");

/** Members of package.json for work on Tagseal. */
const ofCheckouts: ReadonlySet<string> = new Set(["scripts", "devDependencies", "allowScripts"]);

type Packages = Readonly<Record<string, string>>;

/** Members that {@link publishedManifest} shortens, and what stays in them. */
const shortened: ReadonlyMap<string, (name: string) => boolean> = new Map([
  ["dependencies", (name) => outsideTheBundle.includes(name)],
  ["optionalDependencies", (name) => !name.startsWith("node-linux-")],
]);

/** package.json for those who install the package. */
function publishedManifest(): string {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
  const published = Object.entries(manifest).flatMap(([member, value]) => {
    if (ofCheckouts.has(member)) return [];
    const stays = shortened.get(member);
    return [[member, stays === undefined ? value : chosen(value as Packages, stays)]];
  });
  return `${JSON.stringify(Object.fromEntries(published), null, 2)}\n`;
}

function chosen(packages: Packages, stays: (name: string) => boolean): Packages {
  return Object.fromEntries(Object.entries(packages).filter(([name]) => stays(name)));
}

/** Writes the package of what build.ts wrote to `built` into `output`, working in `directory`. @returns its file name */
export function writeTarball(built: string, directory: string, output: string): string {
  const stage = join(directory, "npm");
  mkdirSync(stage, { recursive: true });
  cpSync(built, join(stage, "dist"), { recursive: true });
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE", "completions"])
    cpSync(join(root, name), join(stage, name), { recursive: true });
  writeFileSync(join(stage, "package.json"), publishedManifest());
  setModes(stage);
  const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", output];
  return execFileSync("npm", pack, { cwd: stage, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}
