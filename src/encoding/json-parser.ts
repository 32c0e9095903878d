/**
 * A strict JSON parser for bytes from outside. The platform's own parser lets the last of two equal members win, rounds
 * large numbers and accepts floats: each of these lets two readers of one signed file see different things.
 *
 * It makes one pass, and while it is at it notes whether the text is in the exact form Notary v1 writes to files
 * ({@link JsonMember.isFileForm}), which saves serialising and sorting a large file again just to check its signatures.
 */
import { EncodingError } from "../errors.ts";
import { compareUtf8, isJsonObject } from "./json-value.ts";
import type { JsonObject, JsonValue } from "./json-value.ts";
import { recogniseMembers } from "./recognised-members.ts";
import { WrittenMembers } from "./written-members.ts";

/** Limits on what {@link parseJson} accepts. The caller bounds the size in bytes before reading them. */
export interface JsonBounds {
  /** how many arrays and objects may stand inside each other; default 32 */
  readonly maxDepth?: number;
}

/** One member of a top-level object, as it stands in the received bytes. */
export interface JsonMember {
  /** the received bytes of the member's value, without surrounding white space */
  readonly bytes: Uint8Array;
  /**
   * true when these bytes are exactly what `fileJson` would write for the value: no white space, members in UTF-8
   * order, only the escapes a Notary v1 sender writes
   */
  readonly isFileForm: boolean;
}

/** A top-level object with the raw bytes of each of its members. */
export interface JsonDocument {
  readonly value: JsonObject;
  readonly members: ReadonlyMap<string, JsonMember>;
  /** the members of the object at {@link JsonDocumentOptions.outline}; absent unless it is there and in file form */
  readonly outline?: WrittenMembers;
  /** true when those members were recognised and not read: they are in the outline alone, and in `value` the object is empty */
  readonly isOutlineUnread: boolean;
}

/** What {@link parseJsonDocument} is to keep. */
export interface JsonDocumentOptions extends JsonBounds {
  /** the names that lead to an object whose members are kept as they are written */
  readonly outline?: readonly string[];
  /** the pattern of a member there that need not be read if they all match, as {@link recogniseMembers} wants it */
  readonly outlineMember?: RegExp;
}

const defaultMaxDepth = 32;
const quote = 0x22;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses JSON strictly.
 *
 * @param bytes UTF-8, already bounded in size
 * @throws EncodingError `JSON_MALFORMED` with the character position, for: invalid UTF-8, a byte order mark, duplicate
 * members, too deep nesting, fractions, exponents, `-0`, integers beyond ±(2^53-1), lone surrogates, raw control
 * characters in strings, anything after the value
 * @see RFC 8259
 */
export function parseJson(bytes: Uint8Array, bounds: JsonBounds = {}): JsonValue {
  const parser = new Parser(decodeText(bytes), bounds.maxDepth ?? defaultMaxDepth);
  const value = parser.value(0);
  parser.end();
  return value;
}

/**
 * Parses a JSON object strictly and keeps the raw bytes of each member beside its value.
 *
 * @param bytes UTF-8, already bounded in size
 * @throws EncodingError `JSON_MALFORMED` as {@link parseJson}, or when the value is not an object
 */
export function parseJsonDocument(bytes: Uint8Array, options: JsonDocumentOptions = {}): JsonDocument {
  const text = decodeText(bytes);
  const parser = new Parser(text, options.maxDepth ?? defaultMaxDepth, options);
  const members = new Map<string, JsonMember>();
  const bytesOf = byteSlicer(bytes, text);
  parser.onMember = (name, start, end, isFileForm) => members.set(name, { bytes: bytesOf(start, end), isFileForm });
  const value = parser.value(0);
  parser.end();
  if (!isJsonObject(value)) throw malformed("expected an object", 0);
  const { outline, isOutlineUnread } = parser;
  const holder = members.get(options.outline?.[0] ?? "");
  if (isOutlineUnread && holder?.isFileForm !== true) {
    // The text is not in file form, so the caller serialises the value again and needs all of it.
    const { outlineMember: _unwanted, ...others } = options;
    return parseJsonDocument(bytes, others);
  }
  return { value, members, isOutlineUnread, ...(outline === undefined ? {} : { outline }) };
}

/** In pure ASCII, characters and bytes count alike, so a slice costs nothing; otherwise the text is encoded again. */
function byteSlicer(bytes: Uint8Array, text: string): (start: number, end: number) => Uint8Array {
  if (text.length === bytes.length) return (start, end) => bytes.subarray(start, end);
  return (start, end) => Buffer.from(text.slice(start, end), "utf8");
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new EncodingError("JSON_MALFORMED", "Cannot parse JSON: it is not valid UTF-8", {
      cause,
    });
  }
}

function malformed(reason: string, position: number): EncodingError {
  return new EncodingError("JSON_MALFORMED", `Cannot parse JSON: ${reason} at character ${position}`);
}

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

class Parser {
  onMember: ((name: string, start: number, end: number, isFileForm: boolean) => void) | undefined;
  /** what {@link JsonDocumentOptions.outline} asked for, once it was met in file form */
  outline: WrittenMembers | undefined;
  isOutlineUnread = false;
  readonly #text: string;
  readonly #maxDepth: number;
  #position = 0;
  /** position of the first backslash not before the cursor; text length when there is none */
  #nextBackslash = -1;
  /** most files hold no control character at all, and then no string needs to be searched for one */
  readonly #hasControls: boolean;
  readonly #hasHtml: boolean;
  /** without characters from U+D800 on, UTF-8 order is JavaScript's own order */
  readonly #hasHighCharacters: boolean;
  /** count of things seen so far that the file form would have written differently */
  #deviations = 0;
  readonly #outlinePath: readonly string[];
  readonly #outlineMember: RegExp | undefined;
  /** how many names of the outline's path lead to where the cursor is */
  #outlineDepth = 0;

  constructor(text: string, maxDepth: number, { outline = [], outlineMember }: JsonDocumentOptions = {}) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#outlinePath = outline;
    this.#outlineMember = outlineMember;
    const isPlain = !notPlain.test(text); // one look at the text instead of three
    this.#hasControls = !isPlain && controlCharacter.test(text);
    this.#hasHtml = !isPlain && escapedInFileForm.test(text);
    this.#hasHighCharacters = !isPlain && /[\ud800-\uffff]/.test(text);
  }

  end(): void {
    this.#skipSpace();
    if (this.#position !== this.#text.length) throw malformed("unexpected text after the value", this.#position);
  }

  value(depth: number): JsonValue {
    this.#skipSpace();
    const code = this.#text.charCodeAt(this.#position);
    switch (code) {
      case quote:
        return this.#string();
      case 0x7b:
        return this.#object(depth + 1);
      case 0x5b:
        return this.#array(depth + 1);
      case 0x74:
        return this.#literal("true", true);
      case 0x66:
        return this.#literal("false", false);
      case 0x6e:
        return this.#literal("null", null);
      default:
        return this.#number();
    }
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#position);
      if (code > 0x20 || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) return;
      this.#position++;
      this.#deviations++;
    }
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#position)) throw malformed("unexpected word", this.#position);
    this.#position += word.length;
    return value;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw malformed(`nesting deeper than ${this.#maxDepth} levels`, this.#position);
    this.#position++;
    this.#skipSpace();
  }

  #array(depth: number): JsonValue[] {
    this.#enter(depth);
    const items: JsonValue[] = [];
    if (this.#accept(0x5d)) return items;
    for (;;) {
      items.push(this.value(depth));
      this.#skipSpace();
      if (this.#accept(0x5d)) return items;
      this.#expect(0x2c, "expected ',' or ']'");
    }
  }

  #object(depth: number, onName?: (name: string, start: number) => void): JsonObject {
    this.#enter(depth);
    const members: JsonObject = {};
    if (this.#accept(0x7d)) return members;
    let previous: string | undefined;
    for (;;) {
      const start = this.#position;
      const name = this.#memberName(members);
      onName?.(name, start);
      if (previous !== undefined && !this.#inOrder(previous, name)) this.#deviations++;
      previous = name;
      this.#member(members, name, depth);
      this.#skipSpace();
      if (this.#accept(0x7d)) return members;
      this.#expect(0x2c, "expected ',' or '}'");
      this.#skipSpace();
    }
  }

  #inOrder(previous: string, name: string): boolean {
    return this.#hasHighCharacters ? compareUtf8(previous, name) < 0 : previous < name;
  }

  #memberName(members: JsonObject): string {
    const start = this.#position;
    if (this.#text.charCodeAt(start) !== quote) throw malformed("expected a member name", start);
    const name = this.#string();
    if (Object.hasOwn(members, name)) throw malformed("duplicate member name", start);
    this.#skipSpace();
    this.#expect(0x3a, "expected ':'");
    return name;
  }

  #member(members: JsonObject, name: string, depth: number): void {
    this.#skipSpace();
    const start = this.#position;
    const deviations = this.#deviations;
    const value = this.#leadsToOutline(name, depth) ? this.#outlined(depth) : this.value(depth);
    if (depth === 1) this.onMember?.(name, start, this.#position, deviations === this.#deviations);
    if (name === "__proto__") {
      // Plain assignment would change the prototype instead of making a member.
      Object.defineProperty(members, name, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    } else members[name] = value;
  }

  #leadsToOutline(name: string, depth: number): boolean {
    return this.#outlineDepth === depth - 1 && this.#outlinePath[depth - 1] === name;
  }

  #outlined(depth: number): JsonValue {
    this.#outlineDepth = depth;
    const isEnd = depth === this.#outlinePath.length && this.#text.charCodeAt(this.#position) === 0x7b;
    const value = isEnd ? this.#outlinedObject(depth) : this.value(depth);
    this.#outlineDepth = depth - 1;
    return value;
  }

  #outlinedObject(depth: number): JsonObject {
    return this.#recognisedObject() ?? this.#readOutlinedObject(depth);
  }

  /** Text that a pattern matches nests no deeper than the pattern: the bound is for all other text. */
  #recognisedObject(): JsonObject | undefined {
    if (this.#outlineMember === undefined) return undefined;
    const found = recogniseMembers(this.#text, this.#position, this.#outlineMember);
    if (found === undefined) return undefined;
    this.outline = found.members;
    this.isOutlineUnread = true;
    this.#position = found.end;
    return {};
  }

  #readOutlinedObject(depth: number): JsonObject {
    const deviations = this.#deviations;
    const names: string[] = [];
    const starts: number[] = [];
    const value = this.#object(depth + 1, (name, start) => {
      names.push(name);
      starts.push(start);
    });
    starts.push(this.#position);
    if (deviations === this.#deviations) this.outline = new WrittenMembers(this.#text, names, starts);
    return value;
  }

  #accept(code: number): boolean {
    if (this.#text.charCodeAt(this.#position) !== code) return false;
    this.#position++;
    return true;
  }

  #expect(code: number, reason: string): void {
    if (!this.#accept(code)) throw malformed(reason, this.#position);
  }

  #number(): number {
    const text = this.#text;
    const start = this.#position;
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
    this.#position = cursor;
    return value;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#position + 1;
    const end = text.indexOf('"', start);
    if (end < 0) throw malformed("string without an end", this.#position);
    if (this.#nextBackslash < start) {
      const found = text.indexOf("\\", start);
      this.#nextBackslash = found < 0 ? text.length : found;
    }
    if (this.#nextBackslash < end) return this.#escapedString(start);
    const value = text.slice(start, end);
    this.#position = end + 1;
    this.#checkRaw(value, start);
    return value;
  }

  #checkRaw(value: string, start: number): void {
    if (this.#hasControls && controlCharacter.test(value)) throw malformed("control character in a string", start);
    if (this.#hasHtml && escapedInFileForm.test(value)) this.#deviations++;
  }

  #escapedString(start: number): string {
    let value = "";
    this.#position = start;
    for (;;) {
      const from = this.#position;
      let cursor = from;
      let code = this.#text.charCodeAt(cursor);
      while (code !== quote && code !== 0x5c && cursor < this.#text.length) code = this.#text.charCodeAt(++cursor);
      if (cursor >= this.#text.length) throw malformed("string without an end", start - 1);
      const raw = this.#text.slice(from, cursor);
      this.#checkRaw(raw, from);
      value += raw;
      this.#position = cursor + 1;
      if (code === quote) break;
      value += this.#escape();
    }
    if (!value.isWellFormed()) throw malformed("lone surrogate in a string", start);
    return value;
  }

  #escape(): string {
    const at = this.#position - 1;
    const letter = this.#text.charAt(this.#position++);
    if (letter === "u") return this.#unicodeEscape(at);
    const value = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
    if (value === undefined) throw malformed("unknown escape in a string", at);
    if (letter !== '"' && letter !== "\\") this.#deviations++;
    return value;
  }

  #unicodeEscape(at: number): string {
    const digits = this.#text.slice(this.#position, this.#position + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw malformed("incomplete \\u escape", at);
    this.#position += 4;
    if (!fileFormEscapes.has(digits)) this.#deviations++;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}
