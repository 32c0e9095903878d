import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ignoring, parseIgnoreFile } from "./ignore-patterns.ts";

function left(text: string, ...paths: readonly string[]): string[] {
  const patterns = parseIgnoreFile(text);
  assert.ok(patterns !== undefined);
  const isIgnored = ignoring(patterns);
  return paths.filter((path) => !isIgnored(path));
}

describe("patterns of a .dockerignore", () => {
  it("leave out files, and directories with all they hold", () => {
    assert.deepEqual(left("secret\n/node_modules/\n", "secret", "a/secret", "node_modules/x", "src/node_modules"), [
      "a/secret",
      "src/node_modules",
    ]);
  });

  it("know comments, empty lines and exceptions, of which the last that matches counts", () => {
    assert.deepEqual(left("# no\n\n *.md \n!README.md\nREADME.md.bak\n", "a.md", "README.md", "x/a.md"), [
      "README.md",
      "x/a.md",
    ]);
    assert.deepEqual(left("docs\n!docs/keep\ndocs/keep/not\n", "docs/a", "docs/keep/b", "docs/keep/not"), [
      "docs/keep/b",
    ]);
    assert.deepEqual(left("*\n!src\n", "a", "src", "src/x/y"), ["src", "src/x/y"]);
  });

  it("know the wildcards, none of which but ** passes a slash", () => {
    assert.deepEqual(left("*/temp*\n", "temp", "a/temp1", "a/b/temp"), ["temp", "a/b/temp"]);
    assert.deepEqual(left("temp?\n", "temp", "tempa", "tempab"), ["temp", "tempab"]);
    assert.deepEqual(left("**/*.go\n", "x.go", "a/b/x.go", "x.goo"), ["x.goo"]);
    assert.deepEqual(left("**/x\n", "x", "a/x", "ax"), ["ax"]);
    assert.deepEqual(left("a/**/z\n", "a/z", "a/b/c/z", "az"), ["az"]);
    assert.deepEqual(left("a/**\n", "a/x/y", "ab"), ["ab"]);
    assert.deepEqual(left("[a-c].txt\n", "a.txt", "d.txt", "axtxt"), ["d.txt", "axtxt"]);
    assert.deepEqual(left("a\\*b\n", "a*b", "axb"), ["axb"]);
    assert.deepEqual(left("a.b*\n", "a.b", "axb"), ["axb"]);
  });

  it("are left to docker when they are not understood", () => {
    assert.equal(parseIgnoreFile("[a\n"), undefined);
    assert.equal(parseIgnoreFile("!\n"), undefined);
  });
});
