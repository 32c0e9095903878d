/** An answer as callers read it: its body within their bound, or not at all. */

import type { IncomingHttpHeaders } from "node:http";
import type { Answer, UnreadBody } from "./unread-answer.ts";
import type { HttpRequest } from "./http-request.ts";
import { collect, type Pace, readBody } from "./response-body.ts";

/** An answer with its headers, whose body is not read yet: call exactly one of `body`, `bytes`, `discard`. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** where the answer came from, after redirects */
  readonly url: URL;
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. @throws NetworkError `RESPONSE_TOO_LARGE` beyond `maxBytes` (decompressed), and as `body` does */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Discards the body; a short one is read so that the connection can be reused. */
  discard(): void;
}

const maxDiscardedBytes = 64 * 1024;

/** The answer to a request, once its headers are here. @param pace at which its body must arrive */
export function responseOf(message: Answer, request: HttpRequest, pace: Pace): HttpResponse {
  const { url, method, signal, acceptGzip = false, dictionary } = request;
  const body = readBody(message, { url, method, pace, signal, acceptGzip, dictionary });
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    url,
    body,
    bytes: (maxBytes) =>
      collect(body, maxBytes, url, message.headers["content-length"]).finally(() => closeUnread(message)),
    discard: () => discard(message),
  };
}

/** Reads the rest of a short body, so that the connection can be used again, and ends the connection of any other. */
export function discard({ headers, body }: Answer): void {
  const announced = Number(headers["content-length"] ?? 0);
  if (!(announced <= maxDiscardedBytes)) return body.end();
  const timer = setTimeout(() => body.end(), 1_000);
  void drained(body).finally(() => clearTimeout(timer));
}

async function drained(body: UnreadBody): Promise<void> {
  try {
    while ((await body.next()) !== undefined);
  } catch {
    // Nobody waits for these bytes.
  }
}

function closeUnread({ body }: Answer): void {
  if (!body.isRead) body.end();
}
