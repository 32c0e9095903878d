/** bin/tagseal: from any directory, through symbolic links, with the right runtime or a clear word about it. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { launcher, run, Scope } from "../support/peers.ts";

describe("the launcher", () => {
  const scope = new Scope("launcher");
  after(() => scope.close());

  /** A checkout with nothing but the launcher. */
  function bareCheckout(name: string): string {
    const bin = scope.path(`${name}/bin`);
    mkdirSync(bin, { recursive: true });
    copyFileSync(launcher, join(bin, "tagseal"));
    return join(bin, "tagseal");
  }

  /** A directory with an executable `node` that says it is `version`. */
  function pretendNode(version: string): string {
    const directory = scope.path(`node-${version}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "node"), `#!/bin/sh\n[ "$1" = -p ] && echo ${version} || echo "ran $*"\n`, {
      mode: 0o755,
    });
    return `${directory}:/usr/bin:/bin`;
  }

  it("runs from any directory", async () => {
    const { code, stdout } = await run(launcher, ["version"], { cwd: "/" });
    assert.equal(code, 0);
    assert.match(stdout, /^tagseal \d/);
  });

  it("runs through symbolic links, relative ones included", async () => {
    mkdirSync(scope.path("a"));
    mkdirSync(scope.path("b"));
    symlinkSync(launcher, scope.path("a/first"));
    symlinkSync("../a/first", scope.path("b/second"));
    assert.equal((await run(scope.path("b/second"), ["version"])).code, 0);
  });

  it("runs when found through PATH", async () => {
    symlinkSync(launcher, scope.path("tagseal"));
    const path = `${scope.directory}:${process.env["PATH"]}`;
    const { stdout } = await run("/bin/sh", ["-c", "tagseal version"], { env: { PATH: path } });
    assert.match(stdout, /^tagseal \d/);
  });

  it("passes arguments on as they are", async () => {
    const { code, stderr } = await run(launcher, ["verify", "a b", ""]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^a b: invalid reference format\n[^]*^: invalid reference format\n[^]*^2 of 2 images failed\n/m,
    );
  });

  it("says what to do when there is no runtime, or one that is too old", async () => {
    const bare = bareCheckout("too-old");
    const old = await run(bare, ["version"], { env: { PATH: pretendNode("20.1.0") } });
    assert.equal(old.code, 1);
    assert.match(old.stderr, /^tagseal: needs Node\.js 24 or newer, found 20\.1\.0 at .*\nhint: Run 'npm ci' in /);
    const empty = scope.path("empty");
    mkdirSync(empty);
    const none = await run("/bin/sh", [bare, "version"], { env: { PATH: empty } });
    assert.match(none.stderr, /found none/);
  });

  it("uses a runtime of the machine that is new enough", async () => {
    const bare = bareCheckout("new-enough");
    mkdirSync(scope.path("new-enough/dist"));
    writeFileSync(scope.path("new-enough/dist/tagseal.js"), "");
    const { stdout } = await run(bare, ["list", "x"], {
      env: { PATH: pretendNode("25.0.0"), TAGSEAL_SOURCE: undefined },
    });
    assert.match(stdout, /^ran .*\/new-enough\/dist\/tagseal\.js list x\n$/);
  });

  it("says that dependencies are missing rather than failing on an import", async () => {
    const { code, stderr } = await run(bareCheckout("no-install"), ["version"], {
      env: { PATH: pretendNode("25.0.0") },
    });
    assert.equal(code, 1);
    assert.match(stderr, /dependencies are not installed\.\nhint: Run 'npm ci'/);
  });
});
