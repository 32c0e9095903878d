import type { SourceText } from "./source-text.ts";

/**
 * Splits the arguments of `ARG` into words; quotes and escapes stay.
 *
 * @see BuildKit: frontend/dockerfile/parser, parseWords
 */
export function argumentWords({ text }: SourceText, escape: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "" && /[\t\n\v\f\r ]/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += character;
    if (character === escape && quote !== "'") {
      at += 1;
      word += text.charAt(at);
    } else if (character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
  }
  return word === "" ? words : [...words, word];
}
