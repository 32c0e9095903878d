/**
 * A strict JSON parser for bytes from outside. The platform's own parser lets the last of two equal members win, rounds
 * large numbers and accepts floats: each of these lets two readers of one signed file see different things.
 *
 * It makes one pass, and while it is at it notes whether the text is in the exact form Notary v1 writes to files
 * ({@link JsonMember.isFileForm}), which saves serialising and sorting a large file again just to check its signatures.
 */
import { EncodingError } from "../errors.ts";
import { JsonScanner, malformed, quote } from "./json-scanner.ts";
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
  return new Parser(decodeText(bytes), bounds.maxDepth ?? defaultMaxDepth).whole();
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
  const value = parser.whole();
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

class Parser {
  onMember: ((name: string, start: number, end: number, isFileForm: boolean) => void) | undefined;
  /** what {@link JsonDocumentOptions.outline} asked for, once it was met in file form */
  outline: WrittenMembers | undefined;
  isOutlineUnread = false;
  readonly #scanner: JsonScanner;
  readonly #maxDepth: number;
  readonly #outlinePath: readonly string[];
  readonly #outlineMember: RegExp | undefined;
  /** how many names of the outline's path lead to where the cursor is */
  #outlineDepth = 0;

  constructor(text: string, maxDepth: number, { outline = [], outlineMember }: JsonDocumentOptions = {}) {
    this.#scanner = new JsonScanner(text);
    this.#maxDepth = maxDepth;
    this.#outlinePath = outline;
    this.#outlineMember = outlineMember;
  }

  /** The value that the whole text is. */
  whole(): JsonValue {
    const value = this.#value(0);
    this.#scanner.end();
    return value;
  }

  #value(depth: number): JsonValue {
    const scanner = this.#scanner;
    scanner.skipSpace();
    switch (scanner.code) {
      case quote:
        return scanner.string();
      case 0x7b:
        return this.#object(depth + 1);
      case 0x5b:
        return this.#array(depth + 1);
      case 0x74:
        return scanner.literal("true", true);
      case 0x66:
        return scanner.literal("false", false);
      case 0x6e:
        return scanner.literal("null", null);
      default:
        return scanner.number();
    }
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw malformed(`nesting deeper than ${this.#maxDepth} levels`, this.#scanner.position);
    this.#scanner.position++;
    this.#scanner.skipSpace();
  }

  #array(depth: number): JsonValue[] {
    const scanner = this.#scanner;
    this.#enter(depth);
    const items: JsonValue[] = [];
    if (scanner.accept(0x5d)) return items;
    for (;;) {
      items.push(this.#value(depth));
      scanner.skipSpace();
      if (scanner.accept(0x5d)) return items;
      scanner.expect(0x2c, "expected ',' or ']'");
    }
  }

  #object(depth: number, onName?: (name: string, start: number) => void): JsonObject {
    const scanner = this.#scanner;
    this.#enter(depth);
    const members: JsonObject = {};
    if (scanner.accept(0x7d)) return members;
    let previous: string | undefined;
    for (;;) {
      const start = scanner.position;
      const name = this.#memberName(members);
      onName?.(name, start);
      if (previous !== undefined && !this.#inOrder(previous, name)) scanner.deviations++;
      previous = name;
      this.#member(members, name, depth);
      scanner.skipSpace();
      if (scanner.accept(0x7d)) return members;
      scanner.expect(0x2c, "expected ',' or '}'");
      scanner.skipSpace();
    }
  }

  #inOrder(previous: string, name: string): boolean {
    return this.#scanner.hasHighCharacters ? compareUtf8(previous, name) < 0 : previous < name;
  }

  #memberName(members: JsonObject): string {
    const scanner = this.#scanner;
    const start = scanner.position;
    if (scanner.code !== quote) throw malformed("expected a member name", start);
    const name = scanner.string();
    if (Object.hasOwn(members, name)) throw malformed("duplicate member name", start);
    scanner.skipSpace();
    scanner.expect(0x3a, "expected ':'");
    return name;
  }

  #member(members: JsonObject, name: string, depth: number): void {
    const scanner = this.#scanner;
    scanner.skipSpace();
    const start = scanner.position;
    const deviations = scanner.deviations;
    const value = this.#leadsToOutline(name, depth) ? this.#outlined(depth) : this.#value(depth);
    if (depth === 1) this.onMember?.(name, start, scanner.position, deviations === scanner.deviations);
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
    const isEnd = depth === this.#outlinePath.length && this.#scanner.code === 0x7b;
    const value = isEnd ? this.#outlinedObject(depth) : this.#value(depth);
    this.#outlineDepth = depth - 1;
    return value;
  }

  #outlinedObject(depth: number): JsonObject {
    return this.#recognisedObject() ?? this.#readOutlinedObject(depth);
  }

  /** Text that a pattern matches nests no deeper than the pattern: the bound is for all other text. */
  #recognisedObject(): JsonObject | undefined {
    const scanner = this.#scanner;
    if (this.#outlineMember === undefined) return undefined;
    const found = recogniseMembers(scanner.text, scanner.position, this.#outlineMember);
    if (found === undefined) return undefined;
    this.outline = found.members;
    this.isOutlineUnread = true;
    scanner.position = found.end;
    return {};
  }

  #readOutlinedObject(depth: number): JsonObject {
    const scanner = this.#scanner;
    const deviations = scanner.deviations;
    const names: string[] = [];
    const starts: number[] = [];
    const value = this.#object(depth + 1, (name, start) => {
      names.push(name);
      starts.push(start);
    });
    starts.push(scanner.position);
    if (deviations === scanner.deviations) this.outline = new WrittenMembers(scanner.text, names, starts);
    return value;
  }
}
