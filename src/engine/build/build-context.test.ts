import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readContext } from "./build-context.ts";
import { parseGitSource } from "./git-context.ts";

describe("the operand of a build", () => {
  const kinds: readonly (readonly [operand: string, kind: string])[] = [
    [".", "directory"],
    ["/", "directory"],
    ["-", "input"],
    ["https://example.com/context.tar.gz", "url"],
    ["HTTP://example.com/Dockerfile", "url"],
    ["https://example.com/team/app.git", "git"],
    ["https://example.com/team/app.git#v1:sub", "git"],
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
  it("name a state and a directory", () => {
    const remote = "https://example.com/a.git";
    assert.deepEqual(parseGitSource(remote), { remote, ref: undefined, directory: "" });
    assert.deepEqual(parseGitSource(`${remote}#v1`), { remote, ref: "v1", directory: "" });
    assert.deepEqual(parseGitSource(`${remote}#:sub/dir`), { remote, ref: undefined, directory: "sub/dir" });
    assert.equal(parseGitSource("github.com/a/b").remote, "https://github.com/a/b");
  });

  it("I9: are refused when git could take them for options, or nobody knows what they mean", () => {
    assert.throws(() => parseGitSource("https://example.com/a.git#--upload-pack=x"), /invalid refspec/);
    assert.throws(() => parseGitSource("https://example.com/a.git?ref=x"), /queries/);
  });
});
