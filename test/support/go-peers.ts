/**
 * Peers that are built from Go modules, because no Debian package is as new: `test/peers/go/` pins them, `npm run peers` builds them into
 * the user's cache directory, and suites find them here.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const builder = resolve(import.meta.dirname, "../peers/go/build");

/** The programs: those that `test/peers/go/go.mod` names as its tools, and `buildkit-reader` beside it. */
export type GoPeer = "buildkitd" | "buildctl" | "buildx" | "buildkit-reader";

let directory: string | undefined;

/** Absolute path of a program in the pinned version, or undefined when it is not built. */
export function findGoPeer(name: GoPeer): string | undefined {
  directory ??= execFileSync(builder, ["--where"], { encoding: "utf8" }).trim();
  const path = join(directory, name);
  return existsSync(path) ? path : undefined;
}
