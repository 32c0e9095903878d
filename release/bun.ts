/**
 * The runtime inside the executables, for each platform they are made for. It is a package pinned in this directory's own lock file, whose
 * integrity npm checks; nothing of it is run on installing.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const release = import.meta.dirname;

/** A platform, as file names have it: `process.platform` and `process.arch`. */
export type Target = "linux-x64" | "linux-arm64" | "darwin-x64" | "darwin-arm64";

/** Every {@link Target}, with the end of the name of its package. */
const packages: Readonly<Record<Target, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-aarch64",
  "darwin-x64": "darwin-x64",
  "darwin-arm64": "darwin-aarch64",
};

/** All platforms, in the order in which releases list them. */
export const targets: readonly Target[] = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

/** The platform this process runs on. @throws Error where executables cannot be built */
export function hostTarget(): Target {
  const here = targets.find((target) => target === `${process.platform}-${process.arch}`);
  if (here === undefined || process.platform !== "linux")
    throw new Error("executables are built on Linux, x64 or arm64");
  return here;
}

/** The runtime's own file for a platform; npm fetches it when it is not there yet. */
export function bunFor(target: Target): string {
  const name = `@oven/bun-${packages[target]}`;
  const directory = join(release, "targets", `${target}-${pinnedVersion(name)}`);
  const bun = join(directory, "node_modules", name, "bin", "bun");
  if (!existsSync(bun)) install(directory, target);
  return bun;
}

function pinnedVersion(name: string): string {
  const { optionalDependencies } = JSON.parse(readFileSync(join(release, "package.json"), "utf8")) as {
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  const version = optionalDependencies[name];
  if (version === undefined) throw new Error(`${name} is not in release/package.json`);
  return version;
}

/** The directory appears whole: several processes may need the runtime at the same time. */
function install(directory: string, target: Target): void {
  mkdirSync(dirname(directory), { recursive: true });
  const made = mkdtempSync(`${directory}-`);
  try {
    for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(release, file), join(made, file));
    const [os = "", cpu = ""] = target.split("-");
    const platform = ["--os", os, "--cpu", cpu, ...(os === "linux" ? ["--libc", "glibc"] : [])];
    const quietly = ["--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", ["ci", "--prefix", made, ...platform, ...quietly], { stdio: ["ignore", "ignore", "inherit"] });
    moveWhereNoneIs(made, directory);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** Moves what was made to its place, unless another process was faster, with the same content. */
export function moveWhereNoneIs(made: string, place: string): void {
  try {
    renameSync(made, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
  }
}
