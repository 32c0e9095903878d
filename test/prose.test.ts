import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, test } from "node:test";
import { forbiddenIn, forbiddenWords } from "./support/forbidden-words.ts";

const root = resolve(import.meta.dirname, "..");

/**
 * Folders that still have old words, and how many at most. Lower a number when you remove some; remove the line at zero. Nothing rises, and
 * nothing is added.
 */
const remaining: Readonly<Record<string, number>> = {
  docs: 6,
  test: 2,
  "test/bench": 3,
  "test/cli": 9,
  "test/conformance": 3,
  "test/contract": 5,
  "test/day": 1,
  "test/deploy": 2,
  "test/guide": 1,
  "test/trust": 32,
};

/** The page that lists the words, this test's samples, and what other programs wrote or are compared by. */
const exempt = ["docs/glossary.md", "test/prose.test.ts", "test/vectors/**", "test/cli/golden/**"];

/** Comments fit into this many columns. Other lines are the formatter's: it leaves long strings and test titles as they are. */
const commentColumns = 160;

const comment = /^\s*(?:\/\/|\/?\*)|\s\/\/\s/u;

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

test("lines with comments are no longer than 160 columns", () => {
  const files = globSync(["{src,test,release}/**/*.{ts,js}", "*.ts"], { cwd: root });
  const long = files.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, index) => (line.length > commentColumns && comment.test(line) ? [`${file}:${index + 1}`] : [])),
  );
  assert.ok(files.length > 500, String(files.length));
  assert.deepEqual(long, []);
});

describe("words to avoid", () => {
  const found = foundByFolder();

  it("are read from the glossary, and found in any case, across lines and only as words", () => {
    const words = forbiddenWords();
    assert.ok(words.length > 60, String(words.length));
    assert.deepEqual(forbiddenIn("Whoever\nknows that\n * runs; recommends", words), ["1: whoever", "2: that runs"]);
    assert.deepEqual(forbiddenIn("meddler, Meddler", words), ["1: Meddler"]);
    assert.deepEqual(forbiddenIn("keyStore, Keystore", words), ["1: keystore"]);
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
