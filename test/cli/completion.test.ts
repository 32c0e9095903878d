/** Completion: the scripts in completions/ are current, and bash completes with them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { completionScript, type Shell } from "../../src/cli/completion/completion-script.ts";
import { findExecutable, run } from "../support/peers.ts";

const directory = resolve(import.meta.dirname, "../../completions");
const files: Readonly<Record<Shell, string>> = { bash: "tagseal.bash", zsh: "_tagseal", fish: "tagseal.fish" };

/** What bash offers after these words, the last one being typed. */
async function bashOffers(...words: string[]): Promise<string[]> {
  const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tagseal; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await run(
    "bash",
    ["--norc", "--noprofile", "-c", script, join(directory, files.bash), ...words],
    {
      cwd: directory,
    },
  );
  assert.equal(stderr, "");
  return stdout.trim().split("\n");
}

describe("completion", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    it(`for ${shell} is what completions/ holds; remake it with tagseal completion ${shell}`, async () => {
      assert.equal(readFileSync(join(directory, files[shell]), "utf8"), await completionScript(shell));
    });
  }
});

describe("bash", { skip: findExecutable("bash") === undefined ? "not on this machine: bash" : false }, () => {
  it("completes commands, at every depth", async () => {
    assert.deepEqual(await bashOffers("tagseal", "tr"), ["trust"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "signer", ""), ["add", "list", "remove", "--help"]);
    assert.deepEqual(await bashOffers("tagseal", "help", "trust", "ke"), ["key"]);
  });

  it("completes flags of the command that stands there", async () => {
    assert.deepEqual(await bashOffers("tagseal", "verify", "--pl"), ["--platform"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "revoke", "--y"), ["--yes"]);
  });

  it("completes values: words, and files", async () => {
    assert.deepEqual(await bashOffers("tagseal", "verify", "--platform", "linux/s"), ["linux/s390x"]);
    assert.deepEqual(await bashOffers("tagseal", "trust", "key", "load", "tagseal.b"), ["tagseal.bash"]);
  });
});
