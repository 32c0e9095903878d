/** Names of files: a stranger who looks for a thing by its name finds one place. */
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { basename, relative, resolve } from "node:path";
import { describe, it } from "node:test";
import { completionNodes } from "../src/cli/completion/completion-tree.ts";

const source = resolve(import.meta.dirname, "../src");
const commands = "cli/commands/";

function sourceFiles(): string[] {
  return globSync("**/*.ts", { cwd: source, exclude: ["**/*.test.ts"] }).sort();
}

/** Files by base name, as far as several have the same. */
function sharedNames(files: readonly string[]): string[][] {
  return [...Map.groupBy(files, (file) => basename(file)).values()].filter((found) => found.length > 1);
}

/** The words of the command that a file is named after: `server/config-check.ts` is `server config check`. */
function wordsOf(file: string): string {
  const path = relative(commands, file).replace(/\.ts$/u, "");
  return path.replace(/^engine\//u, "").replaceAll(/[/-]/gu, " ");
}

describe("file names", () => {
  const files = sourceFiles();

  it("differ, except that a command may be named like what it calls", () => {
    assert.deepEqual(sharedNames(files.filter((file) => !file.startsWith(commands))), []);
    assert.deepEqual(sharedNames(["a/x.ts", "b/x.ts", "b/y.ts"]), [["a/x.ts", "b/x.ts"]]);
  });

  it("of commands are the words of the command", async () => {
    const nodes = await completionNodes();
    const known = new Set(nodes.map(({ path }) => path.replaceAll("-", " ")));
    const others = files.filter((file) => file.startsWith(commands) && !known.has(wordsOf(file)));
    assert.equal(wordsOf("cli/commands/server/config-check.ts"), "server config check");
    assert.deepEqual(others, []);
  });
});
