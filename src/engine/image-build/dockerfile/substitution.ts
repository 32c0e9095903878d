/**
 * Variables, quotes and escapes in the words of a Dockerfile, replaced as an engine replaces them.
 *
 * @see Dockerfile reference: environment replacement; BuildKit: frontend/dockerfile/shell
 */
import { ExpansionRefused } from "./expansion-refused.ts";
import type { ShellGrammar } from "./shell-grammar.ts";
import { replaceAll, replaceFirst, withoutPrefix, withoutSuffix } from "./shell-pattern.ts";

/** Values by name. */
export type Variables = ReadonlyMap<string, string>;

const maxLength = 64 * 1024;
const maxDepth = 32;

/** How a word is read. */
export interface WordSettings {
  readonly grammar: ShellGrammar;
  readonly escape: string;
  /** the value of a variable; undefined: it has none */
  readonly valueOf: (name: string) => string | undefined;
}

/**
 * Replaces variables in one word and removes its quotes and escapes.
 *
 * @throws ExpansionRefused
 */
export function expandWord(word: string, settings: WordSettings): string {
  return new WordReader(word, { ...settings, isRaw: false }).readAll().text;
}

/**
 * Splits a line into words as an engine does to find here-documents: quotes, escapes and variables stay.
 *
 * @param joinsMarker whether white space after `<<` is part of the word
 * @throws ExpansionRefused
 */
export function splitWords(line: string, grammar: ShellGrammar, joinsMarker: boolean): readonly string[] {
  const settings = { grammar, escape: "\\", valueOf: () => undefined, isRaw: true, joinsMarker };
  return new WordReader(line, settings).readAll().words;
}

/** Whether a word contains a variable. */
export function holdsVariable(word: string): boolean {
  return word.includes("$");
}

interface ReaderSettings extends WordSettings {
  /** quotes, escapes, and variables without a value stay as they are */
  readonly isRaw: boolean;
  readonly joinsMarker?: boolean;
}

/** White space in Go, which is less than in other languages. */
const space = /[\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]/u;

/** Collects words: white space outside quotes ends them. */
class Words {
  readonly done: string[] = [];
  #word = "";

  add(text: string, mayEnd: boolean): void {
    if (!mayEnd || !space.test(text)) {
      this.#word += text;
      return;
    }
    for (const character of text) {
      if (space.test(character)) this.end();
      else this.#word += character;
    }
  }

  end(): void {
    if (this.#word !== "") this.done.push(this.#word);
    this.#word = "";
  }
}

class WordReader {
  readonly #characters: readonly string[];
  readonly #settings: ReaderSettings;
  #at = 0;
  #depth = 0;
  #keepsEscapes: boolean;

  constructor(text: string, settings: ReaderSettings) {
    this.#characters = Array.from(text);
    this.#settings = settings;
    this.#keepsEscapes = settings.isRaw;
    if (this.#peek() === "\uFEFF") this.#at = 1;
  }

  readAll(): { readonly text: string; readonly words: readonly string[] } {
    const words = new Words();
    const text = this.#readTo(undefined, words);
    words.end();
    return { text, words: words.done };
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string | undefined {
    this.#at += 1;
    return this.#characters[this.#at - 1];
  }

  /** Up to `stop`, which is taken, or to the end. */
  #readTo(stop: string | undefined, words?: Words): string {
    const pieces: string[] = [];
    let length = 0;
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === stop) {
        this.#at += 1;
        return pieces.join("");
      }
      const piece = this.#piece(character);
      words?.add(piece, !this.#isSolid(character));
      pieces.push(piece);
      length += piece.length;
      if (length > maxLength && !this.#settings.isRaw) throw new ExpansionRefused("the value is too long");
    }
    if (stop !== undefined) throw bad(`${stop} is missing`);
    return pieces.join("");
  }

  /** Whether white space in the piece that begins with this does not end the word. */
  #isSolid(character: string): boolean {
    return ["'", '"', "<", this.#settings.escape].includes(character);
  }

  #piece(character: string): string {
    if (character === "$") return this.#variable();
    if (character === "'") return this.#singleQuoted();
    if (character === '"') return this.#doubleQuoted();
    if (character === "<") return this.#marker();
    this.#at += 1;
    if (character !== this.#settings.escape) return character;
    return (this.#keepsEscapes ? character : "") + (this.#next() ?? "");
  }

  #marker(): string {
    this.#at += 1;
    if (this.#peek() !== "<" || this.#settings.joinsMarker !== true) return "<";
    this.#at += 1;
    let marker = "<<";
    for (let gap = this.#peek(); gap !== undefined && "\t\r ".includes(gap); gap = this.#peek()) {
      marker += gap;
      this.#at += 1;
    }
    return marker;
  }

  #singleQuoted(): string {
    const end = this.#characters.indexOf("'", this.#at + 1);
    if (end === -1) throw bad("a quote is not closed");
    const text = this.#characters.slice(this.#at + 1, end).join("");
    this.#at = end + 1;
    return this.#settings.isRaw ? `'${text}'` : text;
  }

  #doubleQuoted(): string {
    const { isRaw, escape } = this.#settings;
    const pieces: string[] = [];
    this.#at += 1;
    for (let character = this.#peek(); character !== '"'; character = this.#peek()) {
      if (character === undefined) throw bad("a quote is not closed");
      if (character === "$") {
        pieces.push(this.#variable());
        continue;
      }
      this.#at += 1;
      if (character !== escape) pieces.push(character);
      else pieces.push(this.#escapedInQuotes(escape));
    }
    this.#at += 1;
    const text = pieces.join("");
    return isRaw ? `"${text}"` : text;
  }

  /** Only quotes, `$` and the escape character itself are escaped there. */
  #escapedInQuotes(escape: string): string {
    const kept = this.#keepsEscapes ? escape : "";
    const character = this.#peek();
    if (character === undefined) return kept;
    if (!['"', "$", escape].includes(character)) return kept + escape;
    this.#at += 1;
    return kept + character;
  }

  #variable(): string {
    this.#at += 1;
    if (this.#peek() === "{") {
      this.#at += 1;
      return this.#substitution();
    }
    const name = this.#name();
    return name === "" ? "$" : (this.#valueOf(name) ?? (this.#settings.isRaw ? `$${name}` : ""));
  }

  #valueOf(name: string): string | undefined {
    return this.#settings.valueOf(name);
  }

  /** Letters, digits and `_`; only digits when it begins with one; one of the special parameters of a shell. */
  #name(): string {
    const first = this.#peek() ?? "";
    if (/^\p{Nd}$/u.test(first)) return this.#while(/^\p{Nd}$/u);
    if (/^[@*#?\-$!]$/.test(first)) return this.#next() ?? "";
    return this.#while(/^[\p{L}\p{Nd}_]$/u);
  }

  #while(pattern: RegExp): string {
    const start = this.#at;
    while (pattern.test(this.#peek() ?? "")) this.#at += 1;
    return this.#characters.slice(start, this.#at).join("");
  }

  #substitution(): string {
    const { isRaw, grammar } = this.#settings;
    if (["{", "}", ":", undefined].includes(this.#peek())) throw bad("a ${ is followed by no name");
    const name = this.#name();
    let operator = this.#next();
    if (operator === "}") return this.#valueOf(name) ?? (isRaw ? `\${${name}}` : "");
    if (operator === ":") operator += this.#next() ?? "";
    const isKnown = grammar.operators.has(operator ?? "") || (isRaw && grammar.copied.test(operator ?? ""));
    if (operator === undefined || !isKnown) {
      throw bad(`the substitution of ${name} is of an unknown kind`);
    }
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new ExpansionRefused("substitutions are nested too deeply");
    const result = operator === "/" ? this.#replaced(name) : this.#substituted(name, operator);
    this.#depth -= 1;
    return result;
  }

  #substituted(name: string, operator: string): string {
    const trims = /[#%]$/.test(operator);
    const { isRaw, grammar } = this.#settings;
    const word = this.#inner("}", trims || (isRaw && grammar.keepsInnerEscapes));
    const value = this.#valueOf(name);
    if (isRaw && value === undefined) return `\${${name}${operator}${word}}`;
    if (trims) return trimmed(value ?? "", operator.slice(-1), word);
    const isSet = value !== undefined && (!operator.startsWith(":") || value !== "");
    if (operator.endsWith("-")) return isSet ? value : word;
    if (operator.endsWith("+")) return isSet ? word : "";
    if (isSet) return value;
    throw bad(word === "" ? `${name} is not set` : `${name}: ${word}`);
  }

  #replaced(name: string): string {
    const isEverywhere = this.#peek() === "/";
    if (isEverywhere) this.#at += 1;
    const pattern = this.#inner("/", true);
    const text = this.#inner("}", true);
    const value = this.#valueOf(name);
    if (this.#settings.isRaw && value === undefined) return `\${${name}/${pattern}/${text}}`;
    return (isEverywhere ? replaceAll : replaceFirst)(value ?? "", pattern, text);
  }

  /** A word within a substitution. */
  #inner(stop: string, keepsEscapes: boolean): string {
    const kept = this.#keepsEscapes;
    this.#keepsEscapes = keepsEscapes;
    const word = this.#readTo(stop);
    this.#keepsEscapes = kept;
    return word;
  }
}

/** `word` is what follows the first operator: of a doubled operator, the second one is in the word. */
function trimmed(value: string, operator: string, word: string): string {
  const isDoubled = word.startsWith(operator);
  const pattern = isDoubled ? word.slice(1) : word;
  return (operator === "%" ? withoutSuffix : withoutPrefix)(value, pattern, isDoubled ? "longest" : "shortest");
}

function bad(message: string): ExpansionRefused {
  return new ExpansionRefused(message, { byEngine: true });
}
