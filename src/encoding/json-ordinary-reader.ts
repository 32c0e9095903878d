/** Reads JSON as Go's encoding/json does: one pass, no recursion. `parseOrdinaryJson` has the rules. */
import { EncodingError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";

/** As many arrays and objects may stand inside each other as Go allows. No call here nests with them. */
const maxDepth = 10_000;

interface ArrayToFill {
  readonly items: JsonValue[];
}

interface ObjectToFill {
  readonly members: JsonObject;
  /** of the member whose value comes next */
  name: string;
}

type Container = ArrayToFill | ObjectToFill;

const spaces = /[ \t\n\r]*/y;
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const literals = /true|false|null/y;
const literalValues: ReadonlyMap<string, JsonValue> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

/** Reads one text. */
export class OrdinaryJsonReader {
  readonly #text: string;
  #position = 0;
  /** from the outermost container to the one at the cursor */
  readonly #open: Container[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    for (;;) {
      let complete = this.#valueOrOpening();
      while (complete !== undefined) {
        this.#skipSpace();
        const container = this.#open.at(-1);
        if (container === undefined) return this.#atEnd(complete);
        complete = "items" in container ? this.#item(container, complete) : this.#member(container, complete);
      }
    }
  }

  #atEnd(document: JsonValue): JsonValue {
    if (this.#position < this.#text.length) throw this.#malformed("unexpected text after the value");
    return document;
  }

  /** Reads a value, or enters a container. @returns the value when it is complete */
  #valueOrOpening(): JsonValue | undefined {
    this.#skipSpace();
    const letter = this.#text.charAt(this.#position);
    if (letter === "{") return this.#enter({ members: this.#objectToFill(), name: "" }, "}");
    if (letter === "[") return this.#enter({ items: [] }, "]");
    return letter === '"' ? this.#string() : this.#scalar();
  }

  /** A second object of the same name continues the first. */
  #objectToFill(): JsonObject {
    const parent = this.#open.at(-1);
    const present = parent !== undefined && "members" in parent ? parent.members[parent.name] : undefined;
    // without a prototype no name from outside meets anything that was not in the text
    return isJsonObject(present) ? present : { __proto__: null };
  }

  #enter(container: Container, end: string): JsonValue | undefined {
    if (this.#open.length >= maxDepth) throw this.#malformed(`nesting deeper than ${maxDepth} levels`);
    this.#position++;
    this.#skipSpace();
    this.#open.push(container);
    if (this.#accept(end)) return this.#leave(container);
    if ("members" in container) this.#memberName(container);
    return undefined;
  }

  #leave(container: Container): JsonValue {
    this.#open.pop();
    return "items" in container ? container.items : container.members;
  }

  /** Adds a value to an array. @returns the array when that was the last */
  #item(array: ArrayToFill, value: JsonValue): JsonValue | undefined {
    array.items.push(value);
    if (this.#accept("]")) return this.#leave(array);
    this.#expect(",", "expected ',' or ']'");
    return undefined;
  }

  /** Adds a value to an object. @returns the object when that was the last */
  #member(object: ObjectToFill, value: JsonValue): JsonValue | undefined {
    const { members, name } = object;
    if (value !== null || !isJsonObject(members[name])) members[name] = value;
    if (this.#accept("}")) return this.#leave(object);
    this.#expect(",", "expected ',' or '}'");
    this.#skipSpace();
    this.#memberName(object);
    return undefined;
  }

  #memberName(object: ObjectToFill): void {
    if (this.#text.charAt(this.#position) !== '"') throw this.#malformed("expected a member name");
    object.name = this.#string();
    this.#skipSpace();
    this.#expect(":", "expected ':'");
  }

  #string(): string {
    const start = this.#position;
    let end = this.#text.indexOf('"', start + 1);
    while (end >= 0 && this.#isEscaped(end, start)) end = this.#text.indexOf('"', end + 1);
    if (end < 0) throw this.#malformed("string without an end");
    this.#position = end + 1;
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, end + 1));
      return String(value).toWellFormed();
    } catch {
      // the platform's message quotes the text
      this.#position = start;
      throw this.#malformed("control character or unknown escape in the string");
    }
  }

  #isEscaped(at: number, start: number): boolean {
    let backslashes = 0;
    while (at - 1 - backslashes > start && this.#text.charAt(at - 1 - backslashes) === "\\") backslashes++;
    return backslashes % 2 === 1;
  }

  #scalar(): JsonValue {
    const word = this.#match(literals);
    if (word !== undefined) return literalValues.get(word) ?? null;
    const digits = this.#match(numberPattern);
    if (digits !== undefined) return Number(digits);
    throw this.#malformed(this.#position < this.#text.length ? "unexpected character" : "unexpected end");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    this.#position += found?.length ?? 0;
    return found;
  }

  #skipSpace(): void {
    // most texts are compact: a look at one character saves the pattern
    if (this.#text.charCodeAt(this.#position) <= 0x20) this.#match(spaces);
  }

  #accept(letter: string): boolean {
    if (this.#text.charAt(this.#position) !== letter) return false;
    this.#position++;
    return true;
  }

  #expect(letter: string, reason: string): void {
    if (!this.#accept(letter)) throw this.#malformed(reason);
  }

  #malformed(reason: string): EncodingError {
    return new EncodingError("JSON_MALFORMED", `Cannot parse JSON: ${reason} at character ${this.#position}`);
  }
}
