/**
 * Reads the one kind of multipart body that publishers send: parts in memory, bounded beforehand, each with a file name.
 *
 * Written for this purpose because the general readers either reject what old clients send or cut `targets/releases`
 * down to `releases`. It is strict: a body that ends early is an error, never a shorter list of parts.
 */

import { WireError } from "./wire-error.ts";

/** One part: the `filename` parameter as it was sent (undefined when there was none) and the bytes, a view of the body. */
export interface Part {
  readonly fileName: string | undefined;
  readonly bytes: Buffer;
}

/** Bounds on an upload. */
export interface UploadLimits {
  /** bytes of the whole body */
  readonly maxBytes: number;
  /** bytes of one part */
  readonly maxPartBytes: number;
  readonly maxParts: number;
}

const maxPartHeaderBytes = 4096;
const lineEnd = Buffer.from("\r\n");
const headerEnd = Buffer.from("\r\n\r\n");

/**
 * Takes a `multipart/form-data` body apart.
 *
 * @throws WireError `MALFORMED_UPLOAD`; with status 413 for too many or too large parts
 * @see RFC 7578, RFC 2046 §5.1.1
 */
export function parseMultipart(body: Buffer, contentType: string | undefined, limits: UploadLimits): Part[] {
  const delimiter = Buffer.from(`--${boundaryOf(contentType)}`);
  const parts: Part[] = [];
  let at = afterPreamble(body, delimiter);
  while (!isClosing(body, at)) {
    if (parts.length >= limits.maxParts) throw tooLarge(`at most ${limits.maxParts} parts are accepted`);
    const { part, next } = readPart(body, at, delimiter);
    if (part.bytes.length > limits.maxPartBytes) throw tooLarge(`a part has at most ${limits.maxPartBytes} bytes`);
    parts.push(part);
    at = next;
  }
  return parts;
}

/** The refusal of an upload beyond a bound. */
export function tooLarge(reason: string): WireError {
  return new WireError("MALFORMED_UPLOAD", { status: 413, detail: `upload too large: ${reason}` });
}

function malformed(reason: string): WireError {
  return new WireError("MALFORMED_UPLOAD", { detail: reason });
}

function boundaryOf(contentType: string | undefined): string {
  if (contentType === undefined || !/^multipart\/form-data\s*;/iu.test(contentType)) {
    throw new WireError("MALFORMED_UPLOAD");
  }
  const boundary = parameterOf(contentType, "boundary");
  if (boundary === undefined || !/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/u.test(boundary)) {
    throw malformed("the boundary is missing or malformed");
  }
  return boundary;
}

/** Position just after the first delimiter. A publisher with nothing to send starts with an empty line. */
function afterPreamble(body: Buffer, delimiter: Buffer): number {
  const start = body.subarray(0, lineEnd.length).equals(lineEnd) ? lineEnd.length : 0;
  if (!body.subarray(start, start + delimiter.length).equals(delimiter))
    throw malformed("the body does not start with its boundary");
  return start + delimiter.length;
}

/** True for the `--` that ends a body. What follows it is ignored. */
function isClosing(body: Buffer, at: number): boolean {
  return body.toString("latin1", at, at + 2) === "--";
}

function readPart(body: Buffer, at: number, delimiter: Buffer): { part: Part; next: number } {
  if (!body.subarray(at, at + lineEnd.length).equals(lineEnd))
    throw malformed("a boundary is not followed by a line end");
  const headersAt = at + lineEnd.length;
  const window = body.subarray(headersAt, headersAt + maxPartHeaderBytes);
  const headerLength = window.indexOf(headerEnd);
  if (headerLength < 0) throw malformed("the headers of a part do not end");
  const dataAt = headersAt + headerLength + headerEnd.length;
  const end = body.indexOf(Buffer.concat([lineEnd, delimiter]), dataAt);
  if (end < 0) throw malformed("the body ends inside a part");
  const part = { fileName: fileNameOf(window.toString("utf8", 0, headerLength)), bytes: body.subarray(dataAt, end) };
  return { part, next: end + lineEnd.length + delimiter.length };
}

function fileNameOf(headers: string): string | undefined {
  const disposition = headers.split("\r\n").find((line) => /^content-disposition:/iu.test(line));
  return disposition === undefined ? undefined : parameterOf(disposition, "filename");
}

/** Value of a `name=value` or `name="value"` parameter, the escapes `\"` and `\\` undone. */
function parameterOf(header: string, name: string): string | undefined {
  const parameter = /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/gu;
  for (const [, found, quoted, plain] of header.matchAll(parameter)) {
    if (found?.toLowerCase() === name) return quoted === undefined ? plain : quoted.replaceAll(/\\(["\\])/gu, "$1");
  }
  return undefined;
}
