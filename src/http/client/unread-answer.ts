import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";

/** The bytes that the headers of an answer may have. */
export const maxHeaderBytes = 64 * 1024;

/** The head of an answer, and its body, not read yet. */
export interface Answer extends Readable {
  readonly statusCode?: number | undefined;
  readonly headers: IncomingHttpHeaders;
}
