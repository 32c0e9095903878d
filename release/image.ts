/**
 * `npm run image`: everything that goes into the container image, in `dist/image/` (or the directory named on the command line), so that
 * building it takes nothing from a network but the base image.
 *
 * Each folder becomes one layer, what changes least first: `node/`, the Node.js that `npm ci` brought along, byte for byte as its package
 * has it; `node_modules/`, the database drivers and gRPC; `app/`, Tagseal itself; and `data/`, the empty data directory.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const output = resolve(process.argv[2] ?? join(root, "dist", "image"));

/** What packages bring for people who develop with them. */
const notNeeded = /\.(?:[cm]?ts|map|md|markdown|flow)$|\/(?:docs?|tests?|bench|examples?)$/u;

interface Manifest {
  readonly version: string;
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
function copyPackages(): void {
  for (const name of withDependencies(loadedByConfiguration())) {
    const from = join(root, "node_modules", name);
    if (existsSync(join(from, "node_modules")))
      throw new Error(`${name} has nested packages; teach this script about them`);
    const filter = (path: string): boolean => path === from || !notNeeded.test(relative(from, path).replace(/^/u, "/"));
    cpSync(from, join(output, "node_modules", name), { recursive: true, filter, dereference: true });
  }
}

function copyRuntime(): void {
  const runtime = join(root, "node_modules", `node-linux-${process.arch}`);
  if (!existsSync(runtime))
    throw new Error(`${basename(runtime)} is not installed; the image is made on Linux, after npm ci`);
  mkdirSync(join(output, "node", "bin"), { recursive: true });
  for (const file of ["bin/node", "LICENSE"]) cpSync(join(runtime, file), join(output, "node", file));
}

function copyApplication(): void {
  const app = join(output, "app");
  execFileSync(process.execPath, [join(root, "build.ts"), app], { stdio: "inherit" });
  for (const name of ["index.js", "man"]) rmSync(join(app, name), { recursive: true });
  cpSync(join(root, "LICENSE"), join(app, "LICENSE"));
  cpSync(join(root, "deploy/docker/health.js"), join(app, "health.js"));
  const { version } = manifestIn(root);
  writeFileSync(join(app, "package.json"), `${JSON.stringify({ name: "tagseal", version, type: "module" })}\n`);
}

/** Independent of the building user and umask: readable by all, writable by none but the owner. */
function setModes(): void {
  for (const path of globSync("**/*", { cwd: output }).map((name) => join(output, name))) {
    const { mode } = lstatSync(path);
    chmodSync(path, (mode & 0o111) === 0 ? 0o644 : 0o755);
  }
  chmodSync(join(output, "data"), 0o700);
}

rmSync(output, { recursive: true, force: true });
mkdirSync(join(output, "data"), { recursive: true });
copyRuntime();
copyPackages();
copyApplication();
setModes();
const { version } = manifestIn(root);
process.stdout.write(`${output} is ready:
  docker build -t tagseal:${version} --build-arg VERSION=${version} -f ${join(root, "deploy/docker/Dockerfile")} ${output}\n`);
