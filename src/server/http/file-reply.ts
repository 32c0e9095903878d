/** Sends a metadata file: caching headers, entity tag, conditional requests, compression. Notary v1: reading semantics. */

import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { ReadableFile } from "../collection-reader.ts";
import { plainText, type Reply } from "./reply.ts";

/** How long caches may keep files, in seconds; 0 forbids keeping. */
export interface CacheAges {
  /** for `<role>.json` */
  readonly current: number;
  /** for names that contain a checksum or a version and so never change their content */
  readonly consistent: number;
}

/** Below this a compressed body saves less than the headers cost. */
const minCompressedBytes = 1024;

const compress = promisify(gzip);

/** Answers with a file, or 304 when the client has it already. */
export async function fileReply(
  file: ReadableFile,
  cacheControl: Readonly<Record<string, string>>,
  request: IncomingHttpHeaders,
): Promise<Reply> {
  const compressible = file.bytes.length > minCompressedBytes;
  const compressed = compressible && acceptsGzip(request["accept-encoding"]);
  // A strong tag names exact bytes on the wire, so the two forms need two tags.
  const tags = [`"${file.sha256}"`, `"${file.sha256}-gzip"`] as const;
  const headers: Record<string, string> = {
    ...cacheControl,
    ETag: compressed ? tags[1] : tags[0],
    "Last-Modified": file.createdAt.toUTCString(),
  };
  if (compressible) headers["Vary"] = "Accept-Encoding";
  if (matchesTag(request["if-none-match"], tags)) return { status: 304, headers, body: "" };
  headers["Content-Type"] = plainText;
  headers["X-Content-Type-Options"] = "nosniff";
  if (!compressed) return { status: 200, headers, body: asBuffer(file.bytes) };
  headers["Content-Encoding"] = "gzip";
  return { status: 200, headers, body: await (file.gzipped ??= compress(file.bytes)) };
}

/** The headers for a `<role>.json`. */
export function currentCacheControl({ current }: CacheAges): Readonly<Record<string, string>> {
  return current === 0
    ? uncached
    : { "Cache-Control": `public, max-age=${current}, s-maxage=${current}, must-revalidate` };
}

/** The headers for a name that contains a checksum or a version. */
export function consistentCacheControl({ consistent }: CacheAges): Readonly<Record<string, string>> {
  return consistent === 0 ? uncached : { "Cache-Control": `public, max-age=${consistent}, s-maxage=${consistent}` };
}

const uncached = { "Cache-Control": "max-age=0, no-cache, no-store", Pragma: "no-cache" };

function acceptsGzip(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  return /(?:^|[\s,])(?:x-)?gzip(?:\s*;\s*q=(?:1(?:\.0*)?|0?\.\d*[1-9]\d*))?\s*(?:,|$)/iu.test(String(header));
}

/** RFC 9110 §13.1.2: weak comparison, a list, or a star. Last-Modified is not compared: two versions may share a second. */
function matchesTag(header: string | undefined, tags: readonly string[]): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => ["*", ...tags].includes(tag.trim().replace(/^W\//u, "")));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
