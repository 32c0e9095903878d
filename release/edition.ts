/** The edition that is being built: its name and version in packages, manual pages and file names. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

interface Manifest {
  readonly version: string;
  readonly author: string;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
}

/** The version that package.json has. */
export function currentVersion(): string {
  return manifest().version;
}

/** Who maintains packages, by name. There is no address: SECURITY.md says how to reach them. */
export function maintainers(): string {
  return manifest().author;
}

/** The time in built files, so that the same commit gives the same bytes: `SOURCE_DATE_EPOCH`, else the commit's, else now. */
export function releaseDate(): Date {
  const seconds = process.env["SOURCE_DATE_EPOCH"] ?? commitSeconds();
  return seconds === undefined ? new Date() : new Date(Number(seconds) * 1000);
}

function commitSeconds(): string | undefined {
  try {
    const log = ["-C", root, "log", "-1", "--format=%ct"];
    return execFileSync("git", log, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() || undefined;
  } catch {
    return undefined; // a tarball of the sources, or no git
  }
}
