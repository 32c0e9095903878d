/** Maps of digests in JSON: checked as received without decoding them, decoded, and written. */

import { decodeBase64, encodeBase64 } from "../../encoding/base64.ts";
import { jsonObject } from "../../encoding/json.ts";
import type { JsonObject, JsonValue } from "../../encoding/json.ts";
import { maxHashes } from "./bounds.ts";

/** Characters of base64 for the longest digest in use (SHA-512 has 88), with room to spare. */
const maxHashText = 1024;

/** The wire form of a map of digests. */
export function hashesJson(hashes: ReadonlyMap<string, Uint8Array>): JsonObject {
  return jsonObject([...hashes].map(([algorithm, value]) => [algorithm, encodeBase64(value)]));
}

/** Decodes a `hashes` object whose values {@link hashesFault} has seen. */
export function receiveHashes(hashes: JsonObject): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(hashes).map(([algorithm, value]) => [algorithm, decodeBase64(value as string)]));
}

/** Checks that a value is an object of base64 texts, without decoding them; the reason if it is not. */
export function hashesFault(value: JsonValue | undefined): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "hashes must be an object";
  let count = 0;
  for (const algorithm in value) {
    const text = value[algorithm];
    if (typeof text !== "string" || text.length > maxHashText || !isBase64(text)) return "hashes must be base64";
    if (++count > maxHashes || algorithm.length > maxHashText) return `lists more than ${maxHashes} hashes`;
  }
  return undefined;
}

/** The value of each base64 character, 64 for all others. */
const sextets = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(String.fromCharCode(code));
  return value < 0 ? 64 : value;
});

/** True for padded base64 in the standard alphabet without stray bits: what `decodeBase64` accepts, several times faster than decoding. */
export function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  let end = text.length;
  while (end > text.length - 2 && text.charCodeAt(end - 1) === 0x3d) end--;
  let last = 0;
  for (let at = 0; at < end; at++) {
    last = sextets[text.charCodeAt(at)] ?? 64;
    if (last === 64) return false;
  }
  // One `=` leaves two bits of the last character without meaning, two leave four: they must be zero.
  const padding = text.length - end;
  return padding === 0 || (last & (padding === 1 ? 3 : 15)) === 0;
}
