import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readContext } from "./build-context.ts";
import { type GitSource, parseGitSource } from "./git-source.ts";

describe("the operand of a build", () => {
  const kinds: readonly (readonly [operand: string, kind: string])[] = [
    [".", "directory"],
    ["/", "directory"],
    ["-", "input"],
    ["https://example.com/context.tar.gz", "url"],
    ["HTTP://example.com/Dockerfile", "url"],
    ["https://example.com/team/app.git", "git"],
    ["https://example.com/team/app.git#v1:sub", "git"],
    ["https://example.com/team/app.git?branch=x&subdir=y", "git"],
    ["https://example.com/get?repository=x.git&as=tar", "url"],
    ["git://example.com/app", "git"],
    ["git@example.com:team/app.git", "git"],
    ["ssh://git@example.com/app", "git"],
    ["github.com/team/app", "git"],
  ];
  for (const [operand, kind] of kinds) {
    it(`${operand} is of kind ${kind}`, async () => assert.equal((await readContext(operand)).kind, kind));
  }

  it("is refused in docker's words when it is nothing", async () => {
    await assert.rejects(readContext("no-such-place"), /unable to prepare context: path "no-such-place" not found/);
  });
});

describe("git addresses", () => {
  const remote = "https://example.com/a.git";
  const plain = {
    remote,
    ref: undefined,
    checksum: undefined,
    directory: "",
    keepsGitDirectory: undefined,
    hasSubmodules: true,
    hasCommitTimes: false,
  };
  const commit = "0123456789abcdef0123456789abcdef01234567";

  const rows: readonly (readonly [behind: string, source: Partial<GitSource>])[] = [
    ["", {}],
    ["#v1", { ref: "v1" }],
    ["#:sub/dir", { directory: "sub/dir" }],
    ["?branch=x&subdir=y", { ref: "refs/heads/x", directory: "y" }],
    ["?tag=v1", { ref: "refs/tags/v1" }],
    ["?tag=refs/tags/v1", { ref: "refs/tags/v1" }],
    ["?ref=x#x:y", { ref: "x", directory: "y" }],
    [`?checksum=${commit}`, { checksum: commit }],
    ["?commit=0123456", { checksum: "0123456" }],
    ["?keep-git-dir&submodules=false", { keepsGitDirectory: true, hasSubmodules: false }],
    ["?keep-git-dir=0&mtime=commit&fetch-by-commit=1", { keepsGitDirectory: false, hasCommitTimes: true }],
    ["?subdir=a%20b", { directory: "a b" }],
  ];
  for (const [behind, source] of rows) {
    it(`name a state and a directory with ${behind === "" ? "nothing" : behind} behind them`, () => {
      assert.deepEqual(parseGitSource(remote + behind), { ...plain, ...source });
    });
  }

  it("begin with github.com", () => {
    assert.equal(parseGitSource("github.com/a/b").remote, "https://github.com/a/b");
  });

  const refused: readonly (readonly [behind: string, message: RegExp])[] = [
    ["#--upload-pack=x", /invalid refspec/],
    ["?ref=--upload-pack=x", /invalid refspec/],
    ["?ref=x#y", /two refs, y and x/],
    ["?branch=a&tag=b", /two refs/],
    ["?subdir=a#:b", /two directories/],
    ["?ref=a&ref=b", /several values/],
    ["?ref=", /has no value/],
    ["?submodules=maybe", /neither true nor false/],
    ["?mtime=now", /mtime=now is not understood/],
    ["?commit=HEAD", /HEAD is not a commit/],
    ["?depth=1", /the query depth is not understood/],
  ];
  for (const [behind, message] of refused) {
    it(`I9: are refused with ${behind}`, () => {
      assert.throws(() => parseGitSource(remote + behind), message);
    });
  }
});
