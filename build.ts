/**
 * Builds `dist/`: the command and the library, bundled with code splitting so that a command loads only what it uses.
 * Runs after `npm ci` through the prepare script; where esbuild was left out (`--omit=dev`) the sources run as they are.
 */
import { existsSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildOptions } from "esbuild";

const root = import.meta.dirname;

/** Packages that are loaded only when somebody installed them: native code, and database drivers. */
const optionalPackages = ["pg", "mysql2", "pkcs11js", "@grpc/grpc-js"];

/** The public entries (`tagseal` is the command); the file names under dist/ are the keys. */
function entryPoints(): Record<string, string> {
  const entries: Record<string, string> = { tagseal: join(root, "src/cli/bin.ts") };
  const library = join(root, "src/index.ts");
  if (existsSync(library)) entries["index"] = library;
  return entries;
}

function options(): BuildOptions {
  return {
    entryPoints: entryPoints(),
    outdir: join(root, "dist"),
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: optionalPackages,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "linked",
    // tar-stream is CommonJS and requires built-in modules, which an ES module must be given a `require` for.
    banner: { js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);' },
    logLevel: "warning",
  };
}

async function build(): Promise<void> {
  let esbuild: typeof import("esbuild");
  try {
    esbuild = await import("esbuild");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    console.error("build: esbuild is not installed; Tagseal runs from its sources");
    return;
  }
  await rm(join(root, "dist"), { recursive: true, force: true });
  await esbuild.build(options());
  await chmod(join(root, "dist/tagseal.js"), 0o755);
}

await build();
