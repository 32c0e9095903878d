/** The words that docs/glossary.md keeps out of this project's texts, read from there, and where a text has them. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const glossary = resolve(import.meta.dirname, "../../docs/glossary.md");

/** A word or phrase to avoid, and what finds it. */
export interface ForbiddenWord {
  readonly word: string;
  readonly pattern: RegExp;
}

/**
 * The code spans in the glossary's columns of words that are not used: the last one in its tables of terms, the first in its table of words to
 * avoid. A word with a capital letter is a name and is found only as it is written; all others are found in any case, but not as camelCase.
 */
export function forbiddenWords(): ForbiddenWord[] {
  const [terms = "", words = ""] = readFileSync(glossary, "utf8").split("\n## Words to avoid\n");
  const cells = [
    ...[...terms.matchAll(/^\|.*\| (`[^|]+) \|$/gmu)].map((match) => match[1] ?? ""),
    ...[...words.matchAll(/^\| (`[^|]+) \| [^|]+ \|$/gmu)].map((match) => match[1] ?? ""),
  ];
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/gu)].map((match) => forbidden(match[1] ?? "")));
}

function forbidden(word: string): ForbiddenWord {
  const phrase = word.split(" ").join(String.raw`[\s*/]+`);
  return { word, pattern: new RegExp(String.raw`(?<![\w-])${phrase}(?![\w-])`, /[A-Z]/u.test(word) ? "gu" : "giu") };
}

/** Each forbidden word in a text, as `line: word`. */
export function forbiddenIn(text: string, words: readonly ForbiddenWord[]): string[] {
  return words.flatMap(({ word, pattern }) =>
    [...text.matchAll(pattern)]
      .filter(([found]) => found.includes(word) || !/\p{Ll}\p{Lu}/u.test(found))
      .map(({ index }) => `${text.slice(0, index).split("\n").length}: ${word}`),
  );
}
