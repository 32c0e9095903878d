/** Sends a metadata file: caching headers, entity tag, conditional requests, compression. Notary v1: reading semantics. */

import type { IncomingHttpHeaders } from "node:http";
import { minDictionaryBytes } from "../../encoding/dcz.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import { type Coding, codings, encode, maxBytesAsTheyAre, preferredCoding } from "../../http/server/content-coding.ts";
import { plainText, type Reply } from "./reply.ts";

/** How long caches may keep files, in seconds; 0 forbids keeping. */
export interface CacheAges {
  /** for `<role>.json` */
  readonly current: number;
  /** for names with a checksum or a version, whose content never changes */
  readonly consistent: number;
}

/**
 * Answers with a file, or 304 when the client has it already. Replies are remembered with the file: most are asked for often.
 *
 * @param cacheControl one of a few objects that are made once: replies are remembered by it
 */
export function fileReply(
  file: StoredFile,
  cacheControl: CacheControl,
  request: IncomingHttpHeaders,
): Reply | Promise<Reply> {
  const coding = isCompressible(file) ? preferredCoding(request["accept-encoding"]) : "identity";
  if (matchesTag(request["if-none-match"], file)) {
    return { status: 304, headers: { ...cacheControl, ...identityOf(file, coding) }, body: "" };
  }
  const replies = formsOf(file).replies[coding];
  const known = replies.get(cacheControl);
  if (known !== undefined) return known;
  const reply = coding === "identity" ? plainReply(file, cacheControl) : compressedReply(file, coding, cacheControl);
  replies.set(cacheControl, reply);
  return reply;
}

/** What has been derived from a file so far: whole replies, and the compressed bytes that several of them share. */
interface Forms {
  readonly replies: Readonly<Record<Coding, Map<CacheControl, Reply | Promise<Reply>>>>;
  readonly bodies: Map<Coding, Promise<Buffer>>;
}

/** Kept as long as the reader in front of the store keeps the file. */
const remembered = new WeakMap<StoredFile, Forms>();

function formsOf(file: StoredFile): Forms {
  const known = remembered.get(file);
  if (known !== undefined) return known;
  const replies = { br: new Map(), gzip: new Map(), identity: new Map() };
  const forms: Forms = { replies, bodies: new Map() };
  remembered.set(file, forms);
  return forms;
}

/** Compressed once, for any number of simultaneous requests and names. */
function compressedBody(file: StoredFile, coding: "br" | "gzip"): Promise<Buffer> {
  const { bodies } = formsOf(file);
  const body = bodies.get(coding) ?? encode(file.bytes, coding);
  bodies.set(coding, body);
  return body;
}

function plainReply(file: StoredFile, cacheControl: CacheControl): Reply {
  const bytes = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
  // Node sends text together with the headers, in one write, which for a small file is most of the cost.
  const body = isCompressible(file) ? bytes : { latin1: bytes.toString("latin1") };
  const headers = { ...cacheControl, ...identityOf(file, "identity"), ...contentType, "Content-Length": bytes.length };
  return { status: 200, headers, body };
}

async function compressedReply(file: StoredFile, coding: "br" | "gzip", cacheControl: CacheControl): Promise<Reply> {
  const body = await compressedBody(file, coding);
  return codedReply(file, { name: coding, tag: coding, body }, cacheControl);
}

/** A file in a content coding. */
export interface CodedBody {
  /** as in `Content-Encoding` */
  readonly name: string;
  /** distinguishes this form of the file from its others */
  readonly tag: string;
  readonly body: Buffer;
}

/** The answer with a file in a coding. */
export function codedReply(file: StoredFile, { name, tag, body }: CodedBody, cacheControl: CacheControl): Reply {
  const encoded = { "Content-Encoding": name, "Content-Length": body.length };
  return { status: 200, headers: { ...cacheControl, ...identityOf(file, tag), ...contentType, ...encoded }, body };
}

const contentType = { "Content-Type": plainText, "X-Content-Type-Options": "nosniff" };

function isCompressible(file: StoredFile): boolean {
  return file.bytes.length > maxBytesAsTheyAre;
}

/** A strong tag names exact bytes on the wire, so each form has its own. */
function tagOf({ sha256 }: StoredFile, coding: string): string {
  return coding === "identity" ? `"${sha256}"` : `"${sha256}-${coding}"`;
}

function identityOf(file: StoredFile, coding: string): Readonly<Record<string, string>> {
  const always = { ETag: tagOf(file, coding), "Last-Modified": file.createdAt.toUTCString() };
  if (isDictionary(file)) return { ...always, ...dictionaryHeaders(file) };
  return isCompressible(file) ? { ...always, Vary: "Accept-Encoding" } : always;
}

/** Whether a file may be sent as a difference, and be a dictionary for the next version. Timestamps are short, and always new. */
export function isDictionary({ role, bytes }: StoredFile): boolean {
  return role !== "timestamp" && bytes.length >= minDictionaryBytes;
}

/** RFC 9842 §2.1. The pattern is relative to the file's own address, in which nothing then has to be escaped. */
function dictionaryHeaders({ role }: StoredFile): Readonly<Record<string, string>> {
  const name = role.slice(role.lastIndexOf("/") + 1);
  return { Vary: "Accept-Encoding, Available-Dictionary", "Use-As-Dictionary": `match="${name}.*.json"` };
}

/** Caching headers; they depend on the requested name and on the operator's settings. */
export interface CacheControl {
  readonly [header: string]: string;
  readonly "Cache-Control": string;
}

/** The headers for a `<role>.json`. */
export function currentCacheControl({ current }: CacheAges): CacheControl {
  return current === 0
    ? uncached
    : { "Cache-Control": `public, max-age=${current}, s-maxage=${current}, must-revalidate` };
}

/** The headers for a name that contains a checksum or a version. */
export function consistentCacheControl({ consistent }: CacheAges): CacheControl {
  return consistent === 0 ? uncached : { "Cache-Control": `public, max-age=${consistent}, s-maxage=${consistent}` };
}

/** The headers for a file whose collection may have been deleted since: no cache may keep it. */
export const unconfirmedCacheControl: CacheControl = { "Cache-Control": "no-store" };

const uncached = { "Cache-Control": "max-age=0, no-cache, no-store", Pragma: "no-cache" };

/** RFC 9110 §13.1.2: weak comparison, a list, or a star. Last-Modified is not compared: two versions may share a second. */
function matchesTag(header: string | undefined, file: StoredFile): boolean {
  if (header === undefined) return false;
  const tags = ["*", ...codings.map((coding) => tagOf(file, coding))];
  const difference = `"${file.sha256}-dcz-`;
  const given = header.split(",").map((tag) => tag.trim().replace(/^W\//u, ""));
  return given.some((tag) => tags.includes(tag) || tag.startsWith(difference));
}
