/**
 * `node release/executable-modules.ts DIRECTORY`: the sources as modules of JavaScript for the executable. What a command loads together is one of them:
 * the runtime takes as long for a small module as for ten kilobytes of a large one, and its own bundler makes a hundred for `verify`.
 *
 * The layers of `bundle-layers.ts` say what is loaded together. What is in the last layer is divided as the bundler finds it, and packages are left to the
 * runtime's bundler, which looks for them from DIRECTORY.
 */
import { relative, resolve } from "node:path";
import { build } from "esbuild";
import { type ChunkingContext, rolldown } from "rolldown";
import { layerOfModules, lastLayer } from "./bundle-layers.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node release/executable-modules.ts DIRECTORY");

const source = resolve(import.meta.dirname, "../src");
const entry = resolve(source, "cli/bin.ts");
const layerOf = await layerOfModules(build);
/** what the entry has itself, so that the version needs nothing else */
const withEntry = new Set<string>();

const bundle = await rolldown({
  cwd: source,
  input: { bin: entry },
  platform: "node",
  external: /^[^./]/u,
  preserveEntrySignatures: false,
  // what two layers need is where the first one needs it
  checks: { ineffectiveDynamicImport: false },
});
const groups = Array.from({ length: lastLayer }, (_, layer) => ({
  name: (id: string, context: ChunkingContext) => {
    if (withEntry.size === 0) addImported(entry, context);
    return withEntry.has(id) || layerOf.get(relative(source, id)) !== layer ? undefined : `layer${layer}`;
  },
  priority: lastLayer - layer,
  debugName: `layer${layer}`,
}));

function addImported(id: string, context: ChunkingContext): void {
  if (withEntry.has(id)) return;
  withEntry.add(id);
  for (const imported of context.getModuleInfo(id)?.importedIds ?? []) addImported(imported, context);
}

await bundle.write({
  dir: directory,
  format: "esm",
  codeSplitting: { groups, includeDependenciesRecursively: false },
});
