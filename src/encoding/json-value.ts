/** Any JSON value. Numbers are safe integers where the strict parser made them, any double where the ordinary one did. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/**
 * A JSON object. Made by our parser as a plain object in which `__proto__` is an own member like any other, so look
 * members up with `Object.hasOwn`, never with `in`.
 */
export type JsonObject = { [name: string]: JsonValue };

/** True for a JSON object; false for null and arrays. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Orders two strings by their UTF-8 bytes, which is the order of object members in signed metadata. It differs from
 * JavaScript's own order (UTF-16) where surrogate pairs meet U+E000 to U+FFFF.
 *
 * @returns negative, zero or positive, as `Array.prototype.sort` wants it
 * @see Notary v1: canonical JSON
 */
export function compareUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return utf8Rank(left) - utf8Rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates above the rest of the basic plane, where their UTF-8 bytes sort. */
function utf8Rank(codeUnit: number): number {
  if (codeUnit < 0xd800) return codeUnit;
  return codeUnit < 0xe000 ? codeUnit + 0x2000 : codeUnit - 0x800;
}

/** Makes a plain object from untrusted names: `__proto__` becomes a member like any other. */
export function jsonObject(entries: Iterable<readonly [string, JsonValue]>): JsonObject {
  return Object.fromEntries(entries);
}
