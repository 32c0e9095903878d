/** The two forms in which Notary v1 writes JSON: the bytes that are signed and hashed into key IDs, and the bytes of a file. */
import { EncodingError } from "../errors.ts";
import { compareUtf8 } from "./json-value.ts";
import type { JsonObject, JsonValue } from "./json-value.ts";

/**
 * The bytes that signatures and key IDs cover: no white space, members in UTF-8 order, only `\` and `"` escaped.
 *
 * @throws EncodingError `JSON_MALFORMED` for a control character or lone surrogate in a string, and for a number that
 * is not a safe integer: no Notary v1 sender can sign these
 * @see Notary v1: canonical JSON
 */
export function canonicalJson(value: JsonValue): Uint8Array {
  return Buffer.from(write(value), "utf8");
}

/**
 * The text of a value inside a metadata file: like {@link canonicalJson}, but `<`, `>`, `&`, U+2028 and U+2029 are
 * written as `\u003c`, `\u003e`, `\u0026`, `\u2028`, `\u2029`.
 *
 * @throws EncodingError `JSON_MALFORMED` as {@link canonicalJson}
 * @see Notary v1: file bytes
 */
export function fileJson(value: JsonValue): string {
  return escapedForFile(write(value));
}

/**
 * Turns the bytes `fileJson` wrote into the bytes `canonicalJson` would give for the same value, without parsing them.
 *
 * @param fileForm bytes known to be in file form, as `JsonMember.isFileForm` shows
 */
export function fileFormToCanonical(fileForm: Uint8Array): Uint8Array {
  const bytes = Buffer.from(fileForm.buffer, fileForm.byteOffset, fileForm.byteLength);
  if (!bytes.includes("\\u")) return fileForm;
  // An escaped backslash is matched first, so that `\\u003c` (a backslash, then text) stays as it is.
  const text = bytes
    .toString("utf8")
    .replace(/\\(?:u([0-9a-f]{4})|.)/g, (escape, digits?: string) =>
      digits === undefined ? escape : String.fromCharCode(Number.parseInt(digits, 16)),
    );
  return Buffer.from(text, "utf8");
}

function write(value: JsonValue): string {
  if (typeof value === "string") return writeString(value);
  if (typeof value === "number") return writeInteger(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  return writeObject(value);
}

function writeObject(value: JsonObject): string {
  let text = "{";
  for (const name of sortedNames(value)) {
    if (text.length > 1) text += ",";
    text += `${writeString(name)}:${write(value[name] ?? null)}`;
  }
  return `${text}}`;
}

/** Names that came from a file are nearly always in order already, which is cheaper to see than to sort. */
function sortedNames(value: JsonObject): string[] {
  const names = Object.keys(value);
  for (let index = 1; index < names.length; index++) {
    if (compareUtf8(names[index - 1] ?? "", names[index] ?? "") > 0) return names.sort(compareUtf8);
  }
  return names;
}

function writeInteger(value: number): string {
  if (!Number.isSafeInteger(value))
    throw new EncodingError("JSON_MALFORMED", `Cannot write JSON: ${value} is not an integer within 2^53-1`);
  return String(value);
}

/** Quote, backslash, control characters and surrogates. */
const needsCare = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;
/** Any character below U+0020. */
const control = /[^ -\uffff]/;

function writeString(text: string): string {
  if (!needsCare.test(text)) return `"${text}"`;
  if (control.test(text)) throw new EncodingError("JSON_MALFORMED", "Cannot write JSON: control character in a string");
  if (!text.isWellFormed()) throw new EncodingError("JSON_MALFORMED", "Cannot write JSON: lone surrogate in a string");
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** None of these characters stands outside strings, so the text of a whole value can be treated like that of one string. */
function escapedForFile(canonical: string): string {
  return canonical.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
