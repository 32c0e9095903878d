/**
 * The words of JSON: strings, numbers, literals, white space. Each is read strictly, and what Notary v1 would write differently is counted.
 */
import { EncodingError } from "../errors.ts";

/** The character that begins and ends a string. */
export const quote = 0x22;

/** Any character below U+0020. */
const controlCharacter = /[^ -\uffff]/;
/** Anything that one of the others is about, and more. */
const notPlain = /[^ -%'-;=?-~]/;
const escapedInFileForm = /[<>&\u2028\u2029]/;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const fileFormEscapes: ReadonlySet<string> = new Set(["003c", "003e", "0026", "2028", "2029"]);

/** A place in a text, and what was met on the way there. Every method throws EncodingError `JSON_MALFORMED` for what is not strict JSON. */
export class JsonScanner {
  readonly text: string;
  position = 0;
  /** count of things seen so far that the file form would have written differently */
  deviations = 0;
  /** without characters from U+D800 on, UTF-8 order is JavaScript's own order */
  readonly hasHighCharacters: boolean;
  /** position of the first backslash not before the cursor; text length when there is none */
  #nextBackslash = -1;
  /** most files hold no control character at all, and then no string needs to be searched for one */
  readonly #hasControls: boolean;
  readonly #hasHtml: boolean;

  constructor(text: string) {
    this.text = text;
    const isPlain = !notPlain.test(text); // one look at the text instead of three
    this.#hasControls = !isPlain && controlCharacter.test(text);
    this.#hasHtml = !isPlain && escapedInFileForm.test(text);
    this.hasHighCharacters = !isPlain && /[\ud800-\uffff]/.test(text);
  }

  /** The character code at the cursor; `NaN` at the end of the text. */
  get code(): number {
    return this.text.charCodeAt(this.position);
  }

  /** Refuses anything but white space in the rest of the text. */
  end(): void {
    this.skipSpace();
    if (this.position !== this.text.length) throw malformed("unexpected text after the value", this.position);
  }

  /** Moves over white space. */
  skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code > 0x20 || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) return;
      this.position++;
      this.deviations++;
    }
  }

  /** Reads `true`, `false` or `null`. */
  literal<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.position)) throw malformed("unexpected word", this.position);
    this.position += word.length;
    return value;
  }

  /** Moves over one character, if it is this one. */
  accept(code: number): boolean {
    if (this.text.charCodeAt(this.position) !== code) return false;
    this.position++;
    return true;
  }

  /** Moves over one character, which must be this one. */
  expect(code: number, reason: string): void {
    if (!this.accept(code)) throw malformed(reason, this.position);
  }

  /** Reads a whole number. */
  number(): number {
    const text = this.text;
    const start = this.position;
    let cursor = text.charCodeAt(start) === 0x2d ? start + 1 : start;
    const digits = cursor;
    for (let code = text.charCodeAt(cursor); code >= 0x30 && code <= 0x39;) code = text.charCodeAt(++cursor);
    if (cursor === digits) throw malformed(start < text.length ? "unexpected character" : "unexpected end", start);
    if (text.charCodeAt(digits) === 0x30 && (cursor > digits + 1 || digits > start))
      throw malformed("number with a leading zero or negative zero", start);
    const next = text.charCodeAt(cursor) | 0x20;
    if (text.charCodeAt(cursor) === 0x2e || next === 0x65) throw malformed("number that is not a plain integer", start);
    const value = cursor - start > 17 ? Number.NaN : Number(text.slice(start, cursor));
    if (!Number.isSafeInteger(value)) throw malformed("integer beyond 2^53-1", start);
    this.position = cursor;
    return value;
  }

  /** Reads a string, of a value or of a member name. */
  string(): string {
    const text = this.text;
    const start = this.position + 1;
    const end = text.indexOf('"', start);
    if (end < 0) throw malformed("string without an end", this.position);
    if (this.#nextBackslash < start) {
      const found = text.indexOf("\\", start);
      this.#nextBackslash = found < 0 ? text.length : found;
    }
    if (this.#nextBackslash < end) return this.#escapedString(start);
    const value = text.slice(start, end);
    this.position = end + 1;
    this.#checkRaw(value, start);
    return value;
  }

  #checkRaw(value: string, start: number): void {
    if (this.#hasControls && controlCharacter.test(value)) throw malformed("control character in a string", start);
    if (this.#hasHtml && escapedInFileForm.test(value)) this.deviations++;
  }

  #escapedString(start: number): string {
    let value = "";
    this.position = start;
    for (;;) {
      const from = this.position;
      let cursor = from;
      let code = this.text.charCodeAt(cursor);
      while (code !== quote && code !== 0x5c && cursor < this.text.length) code = this.text.charCodeAt(++cursor);
      if (cursor >= this.text.length) throw malformed("string without an end", start - 1);
      const raw = this.text.slice(from, cursor);
      this.#checkRaw(raw, from);
      value += raw;
      this.position = cursor + 1;
      if (code === quote) break;
      value += this.#escape();
    }
    if (!value.isWellFormed()) throw malformed("lone surrogate in a string", start);
    return value;
  }

  #escape(): string {
    const at = this.position - 1;
    const letter = this.text.charAt(this.position++);
    if (letter === "u") return this.#unicodeEscape(at);
    const value = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
    if (value === undefined) throw malformed("unknown escape in a string", at);
    if (letter !== '"' && letter !== "\\") this.deviations++;
    return value;
  }

  #unicodeEscape(at: number): string {
    const digits = this.text.slice(this.position, this.position + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw malformed("incomplete \\u escape", at);
    this.position += 4;
    if (!fileFormEscapes.has(digits)) this.deviations++;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}

/** The error for text that is not strict JSON, with its place. */
export function malformed(reason: string, position: number): EncodingError {
  return new EncodingError("JSON_MALFORMED", `Cannot parse JSON: ${reason} at character ${position}`);
}
