/** The form in which a client gets a file: brotli, gzip or the bytes as they are. RFC 9110 §12.5.3. */

import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** Up to here a compressed body saves less than the headers cost. */
export const maxBytesAsTheyAre = 1024;

/** The codings this server supports, the preferred ones first. */
export const codings = ["br", "gzip", "identity"] as const;

/** One of {@link codings}. */
export type Coding = (typeof codings)[number];

/**
 * The coding a client prefers; among equals, the one with the smallest result. A header longer than any real client sends is ignored.
 *
 * @param header `Accept-Encoding`; without it, files are sent as they are, since old clients send none and some cannot decode anything
 */
export function preferredCoding(header: string | string[] | undefined): Coding {
  const text = String(header ?? "");
  if (text === "" || text.length > maxHeaderLength) return "identity";
  const weights = weightsOf(text);
  const weightOf = (coding: Coding): number =>
    weights.get(coding) ?? (coding === "identity" ? leastWeight : (weights.get("*") ?? 0));
  const best = codings.reduce((one, other) => (weightOf(other) > weightOf(one) ? other : one));
  // A client that accepts none of them gets the one every client can read.
  return weightOf(best) > 0 ? best : "identity";
}

/** True when a client accepts a coding by its name: a star is not enough for one that needs more than the name. */
export function acceptsCoding(header: string | string[] | undefined, coding: string): boolean {
  const text = String(header ?? "");
  return text.length <= maxHeaderLength && (weightsOf(text).get(coding) ?? 0) > 0;
}

const maxHeaderLength = 1024;
/** A coding that is not named is allowed, but comes after all named ones. */
const leastWeight = 0.0001;

function weightsOf(text: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const item of text.split(",")) {
    const [, name, weight] =
      /^\s*([\w*-]+)\s*(?:;\s*q\s*=\s*(1(?:\.0{0,3})?|0(?:\.\d{0,3})?|\.\d{1,3})\s*)?$/iu.exec(item) ?? [];
    if (name !== undefined) weights.set(name.toLowerCase().replace(/^x-gzip$/u, "gzip"), Number(weight ?? 1));
  }
  return weights;
}

const [asBrotli, asGzip] = [promisify(brotliCompress), promisify(gzip)];
/** Beyond this every step costs more time than it saves bytes: most of a file is hashes, which do not compress. */
const brotliQuality = 5;

/** Compresses, on another thread. */
export async function encode(bytes: Uint8Array, coding: "br" | "gzip"): Promise<Buffer> {
  if (coding === "gzip") return await asGzip(bytes);
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT } = constants;
  const params = {
    [BROTLI_PARAM_QUALITY]: brotliQuality,
    [BROTLI_PARAM_SIZE_HINT]: bytes.length,
    [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT,
  };
  return await asBrotli(bytes, { params });
}
