/**
 * The reader of other people's JSON: image configurations, manifests, token answers, error bodies, configuration files of docker and
 * podman, answers of engines. Nothing in it is signed in canonical form, so whatever RFC 8259 calls JSON is read, and it is read as Go's
 * encoding/json reads it, which is what engines, registries and their clients use: what they find in a text is what we find.
 *
 * Signed files are for the strict `parseJson`.
 */
import { EncodingError, hasCode } from "../errors.ts";
import { OrdinaryJsonReader } from "./json-ordinary-reader.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";

/** Limits on what {@link parseOrdinaryJson} accepts. */
export interface OrdinaryJsonBounds {
  /** bytes of a text (UTF-16 units of a string); default 16 MiB */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 16 * 1024 * 1024;

/**
 * Parses JSON as RFC 8259 has it, in time linear in its size.
 *
 * - Numbers may have fractions, exponents and any number of digits; the result is the nearest double.
 * - Of a repeated member the last value counts. Two objects of one name are joined, and a null takes nothing from an object, as in Go.
 * - A byte order mark is skipped; invalid UTF-8 and lone surrogates become U+FFFD.
 *
 * Objects have no prototype. Look members up with `jsonMember`.
 *
 * @throws EncodingError `JSON_MALFORMED` with the character position and no word of the text, which may hold secrets; `TOO_LARGE`
 * @see RFC 8259
 */
export function parseOrdinaryJson(input: Uint8Array | string, bounds: OrdinaryJsonBounds = {}): JsonValue {
  const { maxBytes = defaultMaxBytes } = bounds;
  if (input.length > maxBytes) {
    throw new EncodingError("TOO_LARGE", `Cannot parse JSON: ${input.length} bytes, more than ${maxBytes}`);
  }
  const text = typeof input === "string" ? input.replace(/^\ufeff/, "") : new TextDecoder().decode(input);
  return new OrdinaryJsonReader(text).document();
}

/** {@link parseOrdinaryJson} that throws what `unreadable` makes of the failure: the caller knows whose JSON it is. */
export function parseOrdinaryJsonOr(
  unreadable: (cause: Error) => Error,
  input: Uint8Array | string,
  bounds?: OrdinaryJsonBounds,
): JsonValue {
  try {
    return parseOrdinaryJson(input, bounds);
  } catch (error) {
    if (!hasCode(error, "JSON_MALFORMED", "TOO_LARGE")) throw error;
    throw unreadable(error);
  }
}

/** {@link parseOrdinaryJson} for a body that may be anything; undefined when it is not JSON. */
export function findOrdinaryJson(input: Uint8Array | string): JsonValue | undefined {
  try {
    return parseOrdinaryJson(input);
  } catch (error) {
    if (hasCode(error, "JSON_MALFORMED", "TOO_LARGE")) return undefined;
    throw error;
  }
}

/**
 * A member of what {@link parseOrdinaryJson} returned, by the name a standard gives it; undefined when there is none, or when `value` is not
 * an object. A name in another case serves when the exact one is absent, as in Go. For names from outside use `Object.hasOwn`.
 */
export function jsonMember(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (!isJsonObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const other = memberNames(value, name).at(-1);
  return other === undefined ? undefined : value[other];
}

/** The names in an object that Go takes for `name`: the same but for case, in the order of the text. */
export function memberNames(object: JsonObject, name: string): readonly string[] {
  const wanted = folded(name);
  return Object.keys(object).filter((key) => key.length === name.length && folded(key) === wanted);
}

/** Upper case first: it maps the long s, and lower case the Kelvin sign. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}
