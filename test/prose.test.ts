import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, test } from "node:test";
import { forbiddenIn, forbiddenWords } from "./support/forbidden-words.ts";

const root = resolve(import.meta.dirname, "..");

/** The page that lists the words, this test's samples, and what other programs wrote or are compared by. */
const exempt = ["docs/glossary.md", "test/prose.test.ts", "test/vectors/**", "test/cli/golden/**"];

/** Comments fit into this many columns. Other lines are the formatter's: it leaves long strings and test titles as they are. */
const commentColumns = 160;

const comment = /^\s*(?:\/\/|\/?\*)|\s\/\/\s/u;

const texts = [
  "*.md",
  "*.ts",
  "action.yml",
  ".ci/run",
  "bin/tagseal",
  "completions/*",
  "deploy/**/*.{yaml,yml,tpl,txt,json,service,js}",
  "deploy/docker/*Dockerfile",
  "docs/**/*.md",
  "release/**/*.{ts,js,sh}",
  "src/**/*.{ts,sql}",
  "test/**/*.{ts,py,rb,go}",
];

/** The forbidden words in all texts, as `file:line: word`. */
function foundInTexts(): string[] {
  const words = forbiddenWords();
  const files = globSync(texts, {
    cwd: root,
    exclude: ["**/node_modules/**", "release/targets/**", "**/package-lock.json", ...exempt],
  });
  return files.sort().flatMap((file) => {
    const found = forbiddenIn(readFileSync(join(root, file), "utf8"), words);
    return found.map((line) => `${file}:${line}`);
  });
}

test("lines with comments are no longer than 160 columns", () => {
  const files = globSync(["{src,test,release}/**/*.{ts,js}", "*.ts"], { cwd: root, exclude: ["release/targets/**"] });
  const long = files.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, index) => (line.length > commentColumns && comment.test(line) ? [`${file}:${index + 1}`] : [])),
  );
  assert.ok(files.length > 500, String(files.length));
  assert.deepEqual(long, []);
});

describe("words to avoid", () => {
  it("are read from the glossary, and found in any case, across lines and only as words", () => {
    const words = forbiddenWords();
    assert.ok(words.length > 60, String(words.length));
    assert.deepEqual(forbiddenIn("Whoever\nknows that\n * runs; recommends", words), ["1: whoever", "2: that runs"]);
    assert.deepEqual(forbiddenIn("meddler, Meddler", words), ["1: Meddler"]);
    assert.deepEqual(forbiddenIn("keyStore, Keystore", words), ["1: keystore"]);
  });

  it("appear in no text", () => assert.deepEqual(foundInTexts(), []));
});
