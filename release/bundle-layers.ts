/**
 * Divides the command line among a few files, so that a command loads what it needs and not the server: a small file is read and compiled in less time,
 * and many smaller ones cost more than one.
 *
 * Each layer is one file. A module is in the first layer whose roots reach it by `import … from`; what is reached only by `import()` is in a later
 * one, and the last layer has the rest. A module is in one file only, so that its classes exist once.
 */
import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { BuildOptions, BuildResult, Metafile, Plugin } from "esbuild";

type Build = (options: BuildOptions) => Promise<BuildResult>;

/** One file of the command line. */
interface Layer {
  readonly file: string;
  /** modules that are reached by `import()`, below `src/` */
  readonly roots: readonly string[];
}

/** In this order: later files import from earlier ones. `test/cli/bundle-layers.test.ts` shows which commands need which. */
const layers: readonly Layer[] = [
  // what every command begins with, and docker's words that are passed on
  { file: "cli.js", roots: ["cli/process.ts", "cli/front-end/front-end.ts"] },
  // up to the first question to a trust server
  {
    file: "asking.js",
    roots: [
      "cli/table.ts",
      "cli/commands/verify.ts",
      "trust/open-trust-context.ts",
      "docker-config/certificate-directory.ts",
      "http/client/http-client.ts",
    ],
  },
  // the same of sign, and what it asks the registry
  {
    file: "registry.js",
    roots: [
      "cli/commands/sign.ts",
      "keys/passphrase-sources.ts",
      "registry/registry-client.ts",
      "registry/image-tree.ts",
      "registry/endpoint.ts",
      "registry/insecure-registries.ts",
    ],
  },
  // verify, list, inspect: what is loaded while the server answers
  {
    file: "reading.js",
    roots: [
      "cli/open/image-list.ts",
      "cli/output/image-results.ts",
      "registry/token-service.ts",
      "trust/trust-server/trust-server-answers.ts",
      "cli/commands/list.ts",
      "cli/commands/trust/inspect.ts",
      "cli/output/docker-errors.ts",
      "trust/reading/list.ts",
      "trust/reading/inspect.ts",
      "trust/reading/decide-image.ts",
      "trust/reading/freshness.ts",
    ],
  },
  // docker's and podman's words under content trust
  {
    file: "engine.js",
    roots: [
      "cli/front-end/trusted-command.ts",
      "cli/front-end/engine-configuration.ts",
      "docker-config/docker-login.ts",
      "engine/pass-through.ts",
      "cli/commands/engine/pull.ts",
      "engine/docker-engine.ts",
    ],
  },
  // sign
  {
    file: "publishing.js",
    roots: [
      "trust/publishing/sign.ts",
      "trust/trust-server/multipart-writer.ts",
      "trust/trust-server/difference-upload.ts",
      "keys/user-key-store.ts",
      "keys/passphrase-prompt.ts",
    ],
  },
  { file: "commands.js", roots: [] },
];

const source = resolve(import.meta.dirname, "../src");

/** How the files are built: `common` for all of them. Each is written to `directory`. */
export async function buildLayers(build: Build, common: BuildOptions, directory: string): Promise<void> {
  const plan = await planOf(build, common);
  await Promise.all(
    layers.map(async ({ file }, at) => {
      await build({
        ...common,
        stdin: { contents: entryOf(plan, at), resolveDir: source, sourcefile: file },
        outfile: join(directory, file),
        plugins: [acrossLayers(plan, at), ...(common.plugins ?? [])],
      });
    }),
  );
}

/** Where each module is. */
interface Plan {
  /** the number of the layer, by path */
  readonly layerOf: ReadonlyMap<string, number>;
  /** what each module exports */
  readonly exportsOf: ReadonlyMap<string, readonly string[]>;
  /** modules that another layer reaches by `import()` */
  readonly loadedLater: ReadonlySet<string>;
}

/** How the modules are looked at, without writing anything. */
const analysed = { absWorkingDir: source, metafile: true, write: false, outdir: source } as const;

/** The number of the last layer. */
export const lastLayer = layers.length - 1;

/** The number of the layer of each module of the command line, by its path below `src/`. */
export async function layerOfModules(build: Build): Promise<ReadonlyMap<string, number>> {
  return assignAll(await inputsOf(build, { bundle: true, format: "esm", platform: "node", packages: "external" }));
}

async function inputsOf(build: Build, common: BuildOptions): Promise<Metafile["inputs"]> {
  return (await build({ ...common, ...analysed, entryPoints: ["cli/process.ts"] })).metafile?.inputs ?? {};
}

function assignAll(inputs: Metafile["inputs"]): Map<string, number> {
  const layerOf = new Map<string, number>();
  for (const [at, { roots }] of layers.entries()) for (const root of roots) assign(inputs, root, at, layerOf);
  for (const path of modulesOf(inputs)) if (!layerOf.has(path)) layerOf.set(path, lastLayer);
  return layerOf;
}

function modulesOf(inputs: Metafile["inputs"]): string[] {
  return Object.keys(inputs).filter((path) => path.endsWith(".ts"));
}

async function planOf(build: Build, common: BuildOptions): Promise<Plan> {
  const whole = await inputsOf(build, common);
  const modules = modulesOf(whole);
  const layerOf = assignAll(whole);
  const single = await build({
    ...common,
    ...analysed,
    entryPoints: modules,
    outbase: source,
    packages: "external",
    splitting: true,
  });
  const outputs = Object.values(single.metafile?.outputs ?? {});
  const exportsOf = new Map(outputs.map(({ entryPoint = "", exports }) => [entryPoint, exports]));
  return { layerOf, exportsOf, loadedLater: loadedLater(whole, layerOf) };
}

function assign(inputs: Metafile["inputs"], path: string, layer: number, layerOf: Map<string, number>): void {
  if (layerOf.has(path)) return;
  const input = inputs[path];
  if (input === undefined) throw new Error(`${path} is not part of the command line`);
  layerOf.set(path, layer);
  for (const { kind, path: imported } of input.imports)
    if (kind === "import-statement" && imported.endsWith(".ts")) assign(inputs, imported, layer, layerOf);
    else if (imported.includes("node_modules/"))
      throw new Error(`${path}: packages are in the last layer, beside their licences`);
}

function loadedLater(inputs: Metafile["inputs"], layerOf: ReadonlyMap<string, number>): Set<string> {
  const found = Object.entries(inputs).flatMap(([importer, { imports }]) =>
    imports
      .filter(({ kind, path }) => kind === "dynamic-import" && isAfter(layerOf, path, importer))
      .map(({ path }) => path),
  );
  return new Set(found);
}

function isAfter(layerOf: ReadonlyMap<string, number>, path: string, importer: string): boolean {
  return (layerOf.get(path) ?? -1) > (layerOf.get(importer) ?? layers.length);
}

/**
 * What a layer has for others: `has` for later ones, whose code waits for a module's, `load` for earlier ones, whose code loads the layer for it. Neither
 * initialises anything before it is used.
 */
function entryOf({ layerOf, loadedLater: loaded }: Plan, at: number): string {
  const here = [...layerOf].filter(([, layer]) => layer === at).map(([path]) => path);
  const shared = at === layers.length - 1 ? [] : here;
  const has = shared.map((path) => `"${path}": () => require("./${path}")`);
  const loading = here.filter((path) => loaded.has(path)).map((path) => `"${path}": () => import("./${path}")`);
  const first = at === 0 ? [`export { run } from "./cli/process.ts";`] : [];
  const tables = [`export const has = { ${has.join(", ")} };`, `export const load = { ${loading.join(", ")} };`];
  return [...first, ...tables].join("\n");
}

/** Between the modules of one layer everything is as ever; what is in another one comes from its file. */
function acrossLayers({ layerOf, exportsOf }: Plan, at: number): Plugin {
  const fileOf = (path: string): string => `./${layers[layerOf.get(path) ?? at]?.file}`;
  return {
    name: "across-layers",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, importer }) => {
        const target = relative(source, resolve(importer === "" ? source : dirname(importer), path));
        return (layerOf.get(target) ?? at) < at ? { path: target, namespace: "earlier" } : undefined;
      });
      build.onLoad({ filter: /./, namespace: "earlier" }, ({ path }) => {
        const names = exportsOf.get(path) ?? [];
        const contents = `import { has } from "${fileOf(path)}";\nexport const { ${names.join(", ")} } = has["${path}"]();`;
        return { contents };
      });
      build.onResolve({ filter: /^\.\/\w+\.js$/, namespace: "earlier" }, ({ path }) => ({ path, external: true }));
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => ({
        contents: loadingLater(await readFile(path, "utf8"), (imported) => {
          const target = relative(source, resolve(dirname(path), imported));
          return (layerOf.get(target) ?? at) > at
            ? `import("${fileOf(target)}").then(({ load }) => load["${target}"]())`
            : undefined;
        }),
        loader: "ts",
      }));
      const files = new Set(layers.map(({ file }) => `./${file}`));
      build.onResolve({ filter: /^\.\/\w+\.js$/ }, ({ path }) =>
        files.has(path) ? { path, external: true } : undefined,
      );
    },
  };
}

/** Replaces each `import()` of a module in a later layer; types are erased anyway. */
function loadingLater(text: string, replacement: (imported: string) => string | undefined): string {
  return text.replace(
    /(?<=(?:await|=>) )import\("(\.[^"]+\.ts)"\)/gu,
    (whole, imported: string) => replacement(imported) ?? whole,
  );
}
