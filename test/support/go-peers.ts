/**
 * Peers that are built from Go modules, because no Debian package is as new: `test/peers/go/` pins them, `npm run peers` builds them into
 * the user's cache directory, and suites find them here.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const builder = resolve(import.meta.dirname, "../peers/go/build");

/** The programs that suites use, and the folder of `test/peers/go/` that each is built from. */
const modules = {
  buildkitd: "buildkit",
  buildctl: "buildkit",
  buildx: "buildkit",
  "buildkit-reader": "buildkit",
  conformance: "conformance",
  containerd: "containerd",
  cosign: "cosign",
  crane: "clients",
  crictl: "crictl",
  ctr: "containerd",
  docker: "docker",
  dockerd: "dockerd",
  "docker-compose": "compose",
  notation: "notation",
  oras: "clients",
  registry: "distribution",
  "vault-transit": "vault",
} as const;

/** A program: one of the tools that a `go.mod` names, or `buildkit-reader` or `vault-transit` of ours. */
export type GoPeer = keyof typeof modules;

let directories: ReadonlyMap<string, string> | undefined;

function builtDirectories(): ReadonlyMap<string, string> {
  const lines = execFileSync(builder, ["--where"], { encoding: "utf8" }).trim().split("\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
}

/** Absolute path of a program in the pinned version, or undefined when it is not built. */
export function findGoPeer(name: GoPeer): string | undefined {
  directories ??= builtDirectories();
  const directory = directories.get(modules[name]);
  const path = directory === undefined ? undefined : join(directory, name);
  return path !== undefined && existsSync(path) ? path : undefined;
}
