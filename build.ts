/**
 * Builds `dist/`: `tagseal.js`, which starts; `cli.js` and the layers above it, the command line; `password-worker.js` and others that the server
 * starts in threads; `index.js`, the library, with its declarations in `types/`; and `man/`, a manual page for each command. Runs after `npm ci` through
 * `release/prepare.js`; where esbuild was left out (`--omit=dev`) the sources run as they are.
 *
 * Few files, because loading many small ones costs more than parsing one: modules reached only by `import()` stay uninitialised until
 * then.
 */
import { chmod, cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, join, resolve } from "node:path";
import type { BuildOptions, Plugin } from "esbuild";
import { currentVersion, releaseDate } from "./release/edition.ts";
import { outsideTheBundle } from "./release/outside-the-bundle.ts";
import { threads } from "./release/threads.ts";
import { writeTypes } from "./release/types.ts";
import { buildLayers } from "./release/bundle-layers.ts";
import { completionNodes } from "./src/cli/completion/completion-tree.ts";
import { manPages } from "./src/cli/help/man-page.ts";

const root = import.meta.dirname;
/** Another directory can be named on the command line, to measure a build without touching the one in use. */
const dist = resolve(root, process.argv[2] ?? "dist");

/**
 * Loads Node's own modules when the module that needs them is initialised, and without evaluating their lazy members: a plain
 * `import` of node:http loads the whole of fetch and WebSocket, which costs as much time as everything else together.
 */
const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(build) {
    const filter = /^node:/;
    build.onResolve({ filter }, ({ path, kind }) =>
      kind === "require-call" ? { path, external: true } : { path, namespace: "builtin" },
    );
    build.onLoad({ filter, namespace: "builtin" }, async ({ path }) => ({ contents: await builtinModule(path) }));
  },
};

async function builtinModule(path: string): Promise<string> {
  const module = process.getBuiltinModule(path);
  const members = Object.entries(Object.getOwnPropertyDescriptors(module));
  const names = members.flatMap(([name, member]) =>
    ("get" in member && member.get !== undefined) || !/^[A-Za-z_]\w*$/.test(name) ? [] : [name],
  );
  return `const module = process.getBuiltinModule(${JSON.stringify(path)});
export const { ${names.filter((name) => name !== "default").join(", ")} } = module;
export default module;`;
}

/** tagseal.js loads the command line only when it is needed. */
const separateCommandLine: Plugin = {
  name: "separate-command-line",
  setup(build) {
    build.onResolve({ filter: /^\.\/process\.ts$/ }, () => ({ path: "./cli.js", external: true }));
  },
};

/** Goes into the bundle where it is installed; elsewhere the server says that it is missing when it is needed. */
const bundledIfInstalled = "bcryptjs";

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false; // left out by --omit=optional
  }
}

const common: BuildOptions = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  external: [...outsideTheBundle, ...(isInstalled(bundledIfInstalled) ? [] : [bundledIfInstalled]), ...builtinModules],
  // their CommonJS forms require parts in a way that no bundler sees
  alias: {
    "jsonc-parser": "jsonc-parser/lib/esm/main.js",
    yaml: resolve(root, "node_modules/yaml/browser/dist/index.js"),
  },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "linked",
  logLevel: "warning",
};

/** tar-stream is CommonJS and requires built-in modules, which an ES module must be given a `require` for. */
const withRequire = "const require=(name)=>process.getBuiltinModule(name);";

const source = (path: string): string => join(root, "src", path);
const output = (name: string): string => join(dist, name);

/**
 * What makes `tagseal.js` a command: to a shell it is a script that starts Node.js with the file itself, to Node.js a comment. An interpreter
 * line that names Node.js would hand it the arguments as they are, of which it reads some itself.
 */
function asCommand(): string {
  const launcher = readFileSync(join(root, "bin/tagseal"), "utf8");
  const guard = /^# \[arguments\]\n(.*?)^# \[\/arguments\]$/msu.exec(launcher)?.[1];
  if (guard === undefined) throw new Error("bin/tagseal does not say how it guards arguments");
  return `#!/usr/bin/env sh
":" /*
${guard}
if ! command -v node >/dev/null; then
  echo "tagseal: needs Node.js 24 or newer, found none." >&2
  echo "hint: Install Node.js 24." >&2
  exit 1
fi
TAGSEAL_LAUNCHER=\${0##*[/]}:$0
export TAGSEAL_LAUNCHER
exec node -- "$0" "$@"
*/`;
}

function threadBuild(path: string): BuildOptions {
  return { ...common, entryPoints: [source(path)], outfile: output(basename(path).replace(/ts$/u, "js")) };
}

const builds: readonly BuildOptions[] = [
  {
    ...common,
    target: "node12.20",
    entryPoints: [source("cli/bin.ts")],
    outfile: output("tagseal.js"),
    plugins: [separateCommandLine],
    banner: { js: asCommand() },
  },
  ...threads.map(threadBuild),
  { ...common, entryPoints: [source("index.ts")], outfile: output("index.js"), banner: { js: withRequire } },
];

/** Leaves alone what other commands put there: executables, images, packages, releases. */
async function removeOldBuild(): Promise<void> {
  await mkdir(dist, { recursive: true });
  const old = (await readdir(dist)).filter((name) => !/^(?:tagseal-|image|packages$|release$)/u.test(name));
  await Promise.all(old.map((name) => rm(output(name), { recursive: true })));
}

/** esbuild, if it is installed whole: its own executable is an optional package, which `--omit=optional` leaves out. */
async function loadEsbuild(): Promise<typeof import("esbuild") | undefined> {
  try {
    const esbuild = await import("esbuild");
    await esbuild.transform("");
    return esbuild;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" && !/@esbuild\/\S+" could not be found/u.test(message)) throw error;
    console.error("build: esbuild is not installed; Tagseal runs from its sources");
    return undefined;
  }
}

async function writeManPages(): Promise<void> {
  await mkdir(output("man"));
  const edition = { version: currentVersion(), date: releaseDate() };
  const pages = manPages(await completionNodes(), edition);
  await Promise.all(pages.map(({ file, text }) => writeFile(join(output("man"), file), text)));
}

async function main(): Promise<void> {
  const esbuild = await loadEsbuild();
  if (esbuild === undefined) return;
  await removeOldBuild();
  const commandLine = { ...common, plugins: [lazyBuiltins], banner: { js: withRequire } };
  await Promise.all([
    ...builds.map((options) => esbuild.build(options)),
    buildLayers(esbuild.build, commandLine, dist),
    writeManPages(),
    writeTypes(output("types")),
  ]);
  await chmod(output("tagseal.js"), 0o755);
  // The server reads these beside its own file.
  await cp(source("server/storage/migrations"), output("migrations"), { recursive: true });
}

await main();
