import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { forbiddenIn, forbiddenWords } from "./support/forbidden-words.ts";

const root = resolve(import.meta.dirname, "..");

/**
 * Folders that still have old words, and how many at most. Lower a number when you remove some; remove the line at zero. Nothing rises, and
 * nothing is added.
 */
const remaining: Readonly<Record<string, number>> = {
  ".": 7,
  bin: 1,
  completions: 6,
  deploy: 8,
  docs: 87,
  release: 2,
  src: 2,
  "src/cli": 35,
  "src/docker-config": 1,
  "src/encoding": 3,
  "src/engine": 15,
  "src/environment": 1,
  "src/files": 1,
  "src/http": 6,
  "src/import": 5,
  "src/keys": 14,
  "src/registry": 6,
  "src/sandbox": 1,
  "src/server": 99,
  "src/service": 6,
  "src/trust": 27,
  "src/tuf": 26,
  test: 3,
  "test/bench": 3,
  "test/cli": 9,
  "test/conformance": 6,
  "test/contract": 7,
  "test/day": 1,
  "test/deploy": 2,
  "test/guide": 6,
  "test/peers": 41,
  "test/server": 14,
  "test/support": 33,
  "test/trust": 36,
};

/** The page that lists the words, this test's samples, and what other programs wrote or are compared by. */
const exempt = ["docs/glossary.md", "test/prose.test.ts", "test/vectors/**", "test/cli/golden/**"];

const texts = [
  "*.md",
  "*.ts",
  ".ci/run",
  "bin/tagseal",
  "completions/*",
  "deploy/**/*.{yaml,tpl,txt,json,service,js}",
  "deploy/docker/Dockerfile",
  "docs/**/*.md",
  "release/**/*.{ts,js}",
  "src/**/*.{ts,sql}",
  "test/**/*.{ts,py}",
];

function folderOf(file: string): string {
  const parts = file.split("/");
  const depth = parts[0] === "src" || parts[0] === "test" ? 2 : 1;
  return parts.length > depth ? parts.slice(0, depth).join("/") : parts.length > 1 ? (parts[0] ?? "") : ".";
}

/** The forbidden words of each folder, as `file:line: word`. */
function foundByFolder(): Map<string, string[]> {
  const words = forbiddenWords();
  const files = globSync(texts, { cwd: root, exclude: ["**/node_modules/**", "**/package-lock.json", ...exempt] });
  const folders = new Map<string, string[]>();
  for (const file of files.sort()) {
    const found = forbiddenIn(readFileSync(join(root, file), "utf8"), words).map((line) => `${file}:${line}`);
    if (found.length > 0) folders.set(folderOf(file), [...(folders.get(folderOf(file)) ?? []), ...found]);
  }
  return folders;
}

describe("words to avoid", () => {
  const found = foundByFolder();

  it("are read from the glossary, and found in any case, across lines and only as words", () => {
    const words = forbiddenWords();
    assert.ok(words.length > 60, String(words.length));
    assert.deepEqual(forbiddenIn("Whoever\nknows that\n * runs; recommends", words), ["1: whoever", "2: that runs"]);
    assert.deepEqual(forbiddenIn("meddler, Meddler", words), ["1: Meddler"]);
  });

  it("appear in no folder where they did not, and in no other more often than before", () => {
    const risen = [...found].filter(([folder, where]) => where.length > (remaining[folder] ?? 0));
    assert.deepEqual(
      risen.map(
        ([folder, where]) => `${folder} has ${where.length}, ${remaining[folder] ?? 0} at most:\n${where.join("\n")}`,
      ),
      [],
    );
  });
});
