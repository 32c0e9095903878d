/**
 * The runtime inside the executables, for each platform they are made for. It is a package pinned in this directory's own lock file, whose
 * integrity npm checks; nothing of it is run on installing.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempDisposableSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

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
  const directory = target === hostTarget() ? release : join(release, "targets", target);
  if (!existsSync(bunIn(directory, target))) install(directory, target);
  return bunIn(directory, target);
}

function bunIn(directory: string, target: Target): string {
  return join(directory, "node_modules", "@oven", `bun-${packages[target]}`, "bin", "bun");
}

/** Several builds may need it at once: each fetches it where no other does, and the first that is done puts it into place. */
function install(directory: string, target: Target): void {
  for (const path of [directory, join(release, "targets")]) mkdirSync(path, { recursive: true });
  using stage = mkdtempDisposableSync(join(release, "targets", "installing-"));
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(release, file), join(stage.path, file));
  const [os = "", cpu = ""] = target.split("-");
  const platform = ["--os", os, "--cpu", cpu, ...(os === "linux" ? ["--libc", "glibc"] : [])];
  const quietly = ["--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", ["ci", "--prefix", stage.path, ...platform, ...quietly], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (existsSync(bunIn(directory, target))) return;
  const place = join(directory, "node_modules");
  rmSync(place, { recursive: true, force: true });
  renameSync(join(stage.path, "node_modules"), place);
}
