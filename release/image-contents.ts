/**
 * The contents of the container images, so that building one fetches only its base from a network.
 * Each folder becomes one layer, the least often changed first. The server's: `node/`, the Node.js that `npm ci` brought along, byte for byte as
 * its package has it; `node_modules/`, the database drivers and gRPC; `app/`, Tagseal itself; and `data/`, the empty data directory. The
 * client's: `tagseal`, the executable, and `home/`, its home directory with an empty trust directory.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { buildInto } from "./built.ts";
import { currentVersion } from "./edition.ts";
import { setModes } from "./modes.ts";
import { emptyOutput } from "./output-directory.ts";

const root = resolve(import.meta.dirname, "..");

/** Files of packages that only developers need. */
const notNeeded = /\.(?:[cm]?ts|map|md|markdown|flow)$|\/(?:docs?|tests?|bench|examples?)$/u;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function manifestIn(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
}

/** The packages and all they depend on, leaving out those that only declare types. */
function withDependencies(names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    if (found.has(name) || name.startsWith("@types/") || name === "undici-types") continue;
    found.add(name);
    withDependencies(Object.keys(manifestIn(join(root, "node_modules", name)).dependencies ?? {}), found);
  }
  return found;
}

/** Packages the server loads when its configuration asks for them; everything else is part of the bundle, or is the runtime. */
function loadedByConfiguration(): string[] {
  const optional = Object.keys(manifestIn(root).optionalDependencies ?? {});
  // kysely stays outside the bundle, with the drivers it writes for
  return ["kysely", ...optional.filter((name) => !name.startsWith("node-linux-"))];
}

/** A copy below another's `node_modules` would be of another version than the one taken here. */
function copyPackages(output: string): void {
  for (const name of withDependencies(loadedByConfiguration())) {
    const from = join(root, "node_modules", name);
    if (existsSync(join(from, "node_modules")))
      throw new Error(`${name} has nested packages; teach this script about them`);
    const filter = (path: string): boolean => path === from || !notNeeded.test(relative(from, path).replace(/^/u, "/"));
    cpSync(from, join(output, "node_modules", name), { recursive: true, filter, dereference: true });
  }
}

function copyRuntime(output: string): void {
  const runtime = join(root, "node_modules", `node-linux-${process.arch}`);
  if (!existsSync(runtime))
    throw new Error(`${basename(runtime)} is not installed; the image is made on Linux, after npm ci`);
  mkdirSync(join(output, "node", "bin"), { recursive: true });
  for (const file of ["bin/node", "LICENSE"]) cpSync(join(runtime, file), join(output, "node", file));
}

function copyApplication(app: string): void {
  buildInto(app);
  for (const name of ["index.js", "man", "types"]) rmSync(join(app, name), { recursive: true });
  cpSync(join(root, "LICENSE"), join(app, "LICENSE"));
  cpSync(join(root, "deploy/docker/health.js"), join(app, "health.js"));
  const manifest = { name: "tagseal", version: currentVersion(), type: "module" };
  writeFileSync(join(app, "package.json"), `${JSON.stringify(manifest)}\n`);
}

/** Writes the server's into `output`, for machines like this one. */
export function writeServerImage(output: string): void {
  emptyOutput(output, /^(?:node|node_modules|app|data)$/u);
  mkdirSync(join(output, "data"));
  copyRuntime(output);
  copyPackages(output);
  copyApplication(join(output, "app"));
  setModes(output);
  chmodSync(join(output, "data"), 0o700);
}

/** Writes the client's into `output`: an executable for the platform that the image is for. */
export function writeClientImage(output: string, executable: string): void {
  emptyOutput(output, /^(?:tagseal|LICENSE|home)$/u);
  const trust = join(output, "home", ".docker", "trust");
  mkdirSync(trust, { recursive: true });
  cpSync(executable, join(output, "tagseal"));
  cpSync(join(root, "LICENSE"), join(output, "LICENSE"));
  setModes(output);
  chmodSync(trust, 0o700);
}
