/** A request as callers describe it, and the headers that it is sent with. */

import { defaultUserAgent } from "./user-agent.ts";

/** A body that can be read from its source repeatedly: after a challenge, a redirect, a lost connection. */
export interface RepeatableBody {
  /** how many it has */
  readonly bytes: number;
  open(): AsyncIterable<Uint8Array>;
}

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | RepeatableBody;
  /** follows a 307 or 308 with a request other than GET or HEAD, body included; without it such an answer is refused */
  readonly resend?: boolean;
  readonly signal?: AbortSignal;
  /** request a compressed body; the reader's limit counts the decompressed bytes */
  readonly acceptGzip?: boolean;
  /** overrides `patienceMs` of the client for work that takes an honest peer longer */
  readonly patienceMs?: number;
}

/** The headers of a request; what the caller gives counts. */
export function sentHeaders(request: HttpRequest, userAgent = defaultUserAgent): Record<string, string> {
  const headers: Record<string, string> = {
    "user-agent": userAgent,
    "accept-encoding": request.acceptGzip === true ? "gzip" : "identity",
  };
  const { body } = request;
  if (body !== undefined) headers["content-length"] = String(body instanceof Uint8Array ? body.length : body.bytes);
  else if (request.method !== "GET" && request.method !== "HEAD") headers["content-length"] = "0";
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  return headers;
}
