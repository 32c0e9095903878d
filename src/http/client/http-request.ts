/** A request as callers describe it, and the headers that it is sent with. */

import { defaultUserAgent } from "./user-agent.ts";

/** A body that can be read from its source repeatedly: after a challenge, a redirect, a lost connection. */
export interface RepeatableBody {
  /** how many it has */
  readonly bytes: number;
  open(): AsyncIterable<Uint8Array>;
}

/** A body that passes by, from a client to a server: it is sent once, and nothing of it is kept. */
export interface PassingBody {
  /** how many it will have; undefined when that shows only at its end */
  readonly bytes: number | undefined;
  /** is called once; throws where the body does not come whole */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly once: true;
}

/** True for a body that cannot be sent again. */
export function isPassing(body: HttpRequest["body"]): body is PassingBody {
  return body !== undefined && "once" in body;
}

/** A version of the requested file that is here: its next one may come as the difference from it. RFC 9842. */
export interface DictionaryOffer {
  readonly bytes: Uint8Array;
  /** lower-case hex */
  readonly sha256: string;
  /** of the decoded body */
  readonly maxBytes: number;
}

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | RepeatableBody | PassingBody;
  /** follows a 307 or 308 with a request other than GET or HEAD, body included; without it such an answer is refused */
  readonly resend?: boolean;
  readonly signal?: AbortSignal;
  /** request a compressed body; the reader's limit counts the decompressed bytes */
  readonly acceptGzip?: boolean;
  /** takes the coding `dcz` for the body, from the origin that is asked */
  readonly dictionary?: DictionaryOffer | undefined;
  /** overrides `patienceMs` of the client for work that takes an honest peer longer */
  readonly patienceMs?: number;
}

/** The headers of a request; what the caller gives counts. */
export function sentHeaders(request: HttpRequest, userAgent = defaultUserAgent): Record<string, string> {
  const headers: Record<string, string> = {
    "user-agent": userAgent,
    "accept-encoding": request.acceptGzip === true ? "gzip" : "identity",
  };
  const { body, dictionary } = request;
  if (dictionary !== undefined) {
    headers["accept-encoding"] = request.acceptGzip === true ? "dcz, gzip" : "dcz";
    headers["available-dictionary"] = `:${Buffer.from(dictionary.sha256, "hex").toString("base64")}:`;
  }
  const bytes = body instanceof Uint8Array ? body.length : body?.bytes;
  // a body of unknown length is sent in chunks
  if (bytes !== undefined) headers["content-length"] = String(bytes);
  else if (body === undefined && request.method !== "GET" && request.method !== "HEAD") headers["content-length"] = "0";
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  return headers;
}
