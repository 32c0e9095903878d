/** Words and lines, beside what several versions of BuildKit make of them. @see test/vectors/dockerfile-words/README.md */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { processorMs } from "../../../../test/support/processor-time.ts";
import { ExpansionRefused } from "./expansion-refused.ts";
import { heredocGrammars, type ShellGrammar } from "./shell-grammar.ts";
import { expandWord, splitWords } from "./substitution.ts";

interface Vectors {
  readonly variables: Readonly<Record<string, string>>;
  readonly words: readonly { word: string; escape: string; results: Readonly<Record<string, string | null>> }[];
  readonly lines: readonly { line: string; results: Readonly<Record<string, readonly string[] | null>> }[];
}

const file = new URL("../../../../test/vectors/dockerfile-words/words.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const [current, firstPatterns, withoutPatterns, mostlyColons] = heredocGrammars;
const versions: readonly (readonly [string, ShellGrammar | undefined])[] = [
  ["0.34", current],
  ["0.13", firstPatterns],
  ["0.12", withoutPatterns],
  ["0.11", mostlyColons],
];

/** What is read, or null where it is refused as the engine refuses it. */
function outcome<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ExpansionRefused && error.byEngine) return null;
    throw error;
  }
}

/** Only these words matter in a search for here-documents; the beginning of others, current versions lose. */
function markers(words: readonly string[] | null): readonly string[] | null {
  return words?.filter((word) => /^\d*<<-?\s*["']?\w+["']?$/.test(word)) ?? null;
}

describe("the words of a Dockerfile", () => {
  for (const [version, grammar] of versions) {
    it(`are expanded as BuildKit ${version} expands them`, () => {
      assert.ok(grammar);
      const { variables, words } = vectors;
      for (const { word, escape, results } of words.filter((vector) => version in vector.results)) {
        const ours: string | null = outcome<string>(() =>
          expandWord(word, { grammar, escape, valueOf: (name) => variables[name] }),
        );
        assert.equal(ours, results[version], word);
      }
    });

    it(`are searched for here-documents as BuildKit ${version} searches them`, () => {
      assert.ok(grammar);
      for (const { line, results } of vectors.lines.filter((vector) => version in vector.results)) {
        const ours: readonly string[] | null = outcome<readonly string[]>(() =>
          splitWords(line, grammar, version === "0.34"),
        );
        assert.deepEqual(markers(ours), markers(results[version] ?? null), line);
      }
    });
  }

  it("take little time, whatever the pattern", async () => {
    const value = "a".repeat(20_000);
    const valueOf = (name: string): string => (name === "P" ? `${"*a".repeat(50)}*b` : value);
    const expand = (): void => assert.equal(expandWord("${V%%$P}", { grammar: current, escape: "\\", valueOf }), value);
    assert.ok((await processorMs(expand)) < 2000);
    const long = { grammar: current, escape: "\\", valueOf: () => "*a".repeat(20_000) };
    assert.throws(() => expandWord("${V//$V/}", long), /a pattern is too long/);
  });

  it("never take the reader down", () => {
    const text = fc.array(
      fc.constantFrom("$", "${", "V", "}", "#", "%", "/", ":", "-", "\\", "'", '"', "<<", " ", "*"),
    );
    fc.assert(
      fc.property(text, (parts) => {
        for (const grammar of heredocGrammars) {
          outcome(() => expandWord(parts.join(""), { grammar, escape: "\\", valueOf: () => "v1" }));
          outcome(() => splitWords(parts.join(""), grammar, true));
        }
      }),
      { numRuns: 500 },
    );
  });
});
