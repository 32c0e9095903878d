import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, it } from "node:test";

const root = resolve(import.meta.dirname, "..");

/** What all layers need that work on signed images. */
const signedImages = [
  "errors",
  "environment",
  "docker-config",
  "encoding",
  "crypto",
  "tuf",
  "reference",
  "http/client",
  "registry",
  "keys",
];

/**
 * What each layer may import, besides itself. Only upward: a layer never knows who uses it. `errors` stands for
 * `src/errors.ts`; other files directly in `src/` are public entries, which may import everything but the command line.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  timing: ["errors"],
  files: ["errors", "timing"],
  environment: [],
  encoding: ["errors"],
  crypto: ["errors", "encoding"],
  tuf: ["errors", "encoding", "crypto"],
  reference: ["errors"],
  "docker-config": ["errors", "timing", "files", "environment", "encoding", "reference"],
  "http/client": ["errors", "environment", "encoding", "reference"],
  service: ["errors", "files"],
  "http/server": ["errors", "service"],
  login: ["errors", "encoding", "crypto", "service", "http/server"],
  registry: [
    "errors",
    "files",
    "environment",
    "timing",
    "encoding",
    "crypto",
    "reference",
    "docker-config",
    "service",
    "http/client",
  ],
  keys: ["errors", "files", "environment", "encoding", "crypto", "reference", "http/client"],
  policy: ["errors", "timing", "encoding", "crypto", "tuf", "reference"],
  trust: [...signedImages, "timing", "files", "policy"],
  engine: [...signedImages, "trust", "policy"],
  server: [
    "errors",
    "files",
    "environment",
    "encoding",
    "crypto",
    "tuf",
    "reference",
    "service",
    "http/server",
    "login",
  ],
  gates: [...signedImages, "timing", "files", "policy", "trust", "service", "http/server"],
  gateway: [...signedImages, "timing", "files", "policy", "trust", "service", "gates", "http/server", "login"],
  "shared-memory": ["errors", "crypto", "tuf", "trust", "server"],
  sandbox: [...signedImages, "trust", "login", "server"],
  transfer: [...signedImages, "service", "trust", "server"],
  cli: [
    ...signedImages,
    "timing",
    "files",
    "policy",
    "trust",
    "engine",
    "login",
    "server",
    "shared-memory",
    "sandbox",
    "transfer",
    "service",
    "gates",
    "gateway",
  ],
  entry: [...signedImages, "policy", "trust", "engine", "login", "server"],
};

/** The command line is where the process is: its arguments, environment, streams and exit. What it costs is asked in one other place. */
const mayTouchProcess: ReadonlySet<string> = new Set([
  "src/service/process-metrics.ts",
  "src/cli/bin.ts",
  "src/cli/compile-cache.ts",
  "src/cli/front-end/handing-over.ts",
  "src/cli/process.ts",
  "src/cli/started-as.ts",
  "src/cli/terminal.ts",
  "src/cli/write-all.ts",
]);

/** What they hand on of the environment comes from `childEnvironment` (I6), or is nothing. */
const mayStartPrograms: readonly string[] = [
  "src/cli/captured-io.ts",
  "src/cli/front-end/handing-over.ts",
  "src/engine/docker-engine.ts",
  "src/engine/engine-help.ts",
  "src/engine/engine-process.ts",
  "src/engine/engine-version.ts",
  "src/engine/image-build/git-context.ts",
  "src/engine/pass-through.ts",
  "src/environment/helper-program.ts",
  "src/registry/decompression.ts",
];

/**
 * The use cases of trust know contracts: `ports.ts`, key stores, sources of passphrases. What they are made of meets them in
 * `open-trust-context.ts` alone; these files are what it is made of, and how a pinning file is read.
 */
const trustImplementations: ReadonlySet<string> = new Set([
  "src/trust/trust-directory/changelist.ts",
  "src/trust/trust-directory/collection-removal.ts",
  "src/trust/trust-directory/confirmation-record.ts",
  "src/trust/trust-directory/key-mentions.ts",
  "src/trust/trust-directory/metadata-cache.ts",
  "src/trust/trust-directory/remembered-files.ts",
  "src/trust/trust-directory/remembered-namings.ts",
  "src/trust/trust-directory/role-file.ts",
  "src/trust/trust-directory/rotation-file.ts",
  "src/trust/trust-directory/unfinished-rotations.ts",
  "src/trust/trust-server/multipart-writer.ts",
  "src/trust/trust-server/proposal-client.ts",
  "src/trust/open-trust-context.ts",
  "src/trust/pinning-file.ts",
  "src/trust/trust-server/server-refusal.ts",
  "src/trust/trust-server/trust-server-answers.ts",
  "src/trust/trust-server/offered-dictionary.ts",
  "src/trust/trust-server/proposals-later.ts",
  "src/trust/trust-server/trust-server-client.ts",
]);
const trustContracts =
  /^src\/(?:keys\/(?:key-store|key-selection|passphrase)|docker-config\/credentials|trust\/.*)\.ts$/u;
const roomsOfImplementations = /^src\/(?:files|docker-config|http|registry|keys|trust)\//u;

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(): string[] {
  return globSync("src/**/*.ts", { cwd: root, exclude: ["src/**/*.test.ts"] }).sort();
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//gu, "").replaceAll(/^\s*\/\/.*$/gmu, "");
}

function resolved(from: string, specifiers: Iterable<RegExpExecArray>): Import[] {
  return [...specifiers].map((match) => ({ from, to: relative(root, resolve(root, dirname(from), match[1] ?? "")) }));
}

/** Static and dynamic imports, re-exports and type imports of one file, as paths from the root. */
function importsOf(file: string): Import[] {
  const text = withoutComments(readFileSync(join(root, file), "utf8"));
  return resolved(file, text.matchAll(/(?:\bfrom|\bimport\(?)\s*"(\.[^"]+)"/gu));
}

/**
 * The files that a file knows of, by whatever kind of import. Only the tables of commands are left out: they load each command when it is called,
 * and help and completion, which commands use, read them.
 */
function knownBy(file: string): string[] {
  return /^src\/cli\/table[\w-]*\.ts$/u.test(file) ? [] : importsOf(file).map(({ to }) => to);
}

function layerOf(file: string): string {
  const [, first = "", second] = file.split("/");
  if (first === "http") return `http/${second}`;
  if (second !== undefined) return first;
  return first === "errors.ts" ? "errors" : "entry";
}

function inLayer({ from, to }: Import): boolean {
  // package.json, for the version, is in no layer
  if (!to.startsWith("src/")) return to === "package.json";
  const layer = layerOf(from);
  return layerOf(to) === layer || (mayImport[layer] ?? []).includes(layerOf(to));
}

/** Every import cycle found by walking depth first, each as the files on the way round. */
function cycles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start !== -1) found.push([...trail.slice(start), file]);
    if (start !== -1 || done.has(file)) return;
    for (const next of imports.get(file) ?? []) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return found;
}

describe("layers", () => {
  const files = sourceFiles();
  const imports = files.flatMap(importsOf);

  it("has a rule for every folder of src", () => {
    const unknown = files.map(layerOf).filter((layer) => mayImport[layer] === undefined);
    assert.deepEqual([...new Set(unknown)], []);
  });

  it("are listed in CONTRIBUTING.md, each below those it imports from", () => {
    const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
    const listed = (/^ {4}(errors {3}[\s\S]*?)\n\n/mu.exec(text)?.[1] ?? "").split(/\s+/u);
    const layers = Object.keys(mayImport).filter((layer) => layer !== "entry");
    assert.deepEqual(listed.toSorted(), layers.toSorted());
    const breaches = layers.flatMap((layer) => {
      const above = listed.slice(0, listed.indexOf(layer));
      return (mayImport[layer] ?? []).filter((used) => !above.includes(used)).map((used) => `${layer} imports ${used}`);
    });
    assert.deepEqual(breaches, []);
  });

  it("imports only from the layers above", () => {
    const breaches = imports.filter((found) => !inLayer(found)).map(({ from, to }) => `${from} imports ${to}`);
    assert.deepEqual(breaches, []);
  });

  it("the use cases of trust know contracts, not what implements them", () => {
    const breaches = imports
      .filter(({ from }) => from.startsWith("src/trust/") && !trustImplementations.has(from))
      .filter(({ to }) => roomsOfImplementations.test(to))
      .filter(({ to }) => trustImplementations.has(to) || !trustContracts.test(to));
    assert.deepEqual(
      breaches.map(({ from, to }) => `${from} imports ${to}`),
      [],
    );
    assert.deepEqual(
      [...trustImplementations].filter((file) => !files.includes(file)),
      [],
    );
  });

  it("key stores are opened in one place: nothing else names their classes", () => {
    const stores = ["src/keys/file-key-store.ts", "src/keys/memory-key-store.ts", "src/keys/ordered-key-stores.ts"];
    const users = imports.filter(({ from, to }) => stores.includes(to) && !from.startsWith("src/keys/"));
    assert.deepEqual([...new Set(users.map(({ from }) => from))], ["src/index.ts"]);
  });

  it("would notice a breach", () => {
    assert.equal(inLayer({ from: "src/tuf/updater.ts", to: "src/trust/publishing/sign.ts" }), false);
    assert.equal(inLayer({ from: "src/server/http/routes.ts", to: "src/cli/main.ts" }), false);
    assert.equal(inLayer({ from: "src/tuf/updater.ts", to: "src/crypto/sha256.ts" }), true);
  });

  it("declares flags without what opens keys, registries or a server's data", () => {
    const declaring = imports.filter(({ from }) => from.startsWith("src/cli/options/"));
    const opening = declaring.filter(({ to }) => !/^src\/(?:errors\.ts|timing\/|reference\/|cli\/options\/)/u.test(to));
    assert.notEqual(declaring.length, 0);
    assert.deepEqual(opening, []);
  });

  it("has no import cycles, also none of types or of files loaded later", () => {
    const graph = new Map(files.map((file) => [file, knownBy(file)]));
    assert.deepEqual(cycles(graph), []);
    assert.deepEqual(
      cycles(
        new Map([
          ["a", ["b"]],
          ["b", ["a"]],
        ]),
      ),
      [["a", "b", "a"]],
    );
  });

  it("touches the process only in the command line's outermost files, and where its cost is measured", () => {
    const touching = files
      .filter((file) => !mayTouchProcess.has(file))
      .filter((file) => {
        const text = withoutComments(readFileSync(join(root, file), "utf8"));
        return /(?<![\w-])process\.\w/u.test(text) || /from "node:process"/u.test(text) || /\bconsole\.\w/u.test(text);
      });
    assert.deepEqual(touching, []);
  });

  it("I6: starts programs only where it is known what they see of the environment", () => {
    const starting = files.filter((file) => {
      const text = withoutComments(readFileSync(join(root, file), "utf8"));
      return /["'](?:node:)?(?:child_process|cluster)["']|\bexecve\b/u.test(text);
    });
    assert.deepEqual(starting, mayStartPrograms);
    const spawning = /\b(?:spawn|spawnSync|execFile|execFileSync|execve)\([^;]*?\b(?:env|options)\b/u;
    const careless = starting.filter((file) => !spawning.test(readFileSync(join(root, file), "utf8")));
    assert.deepEqual(careless, [], "a program started without an environment has all of it");
  });

  it("catches errors only to do something about them", () => {
    const empty = files.filter((file) =>
      /catch\s*(\([^)]*\))?\s*\{\s*\}/u.test(readFileSync(join(root, file), "utf8")),
    );
    assert.deepEqual(empty, []);
  });
});
