/** What a handler answers, before anything is written to a socket. */

/** Response headers, `Content-Length` included where there is a length. */
export type ReplyHeaders = Readonly<Record<string, string | number>>;

/** One response. HEAD requests get the same headers and no body. */
export interface Reply {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body: Body;
}

/** Text, bytes, or bytes held as characters, one each. */
export type Body = string | Buffer | { readonly latin1: string };

/** How many bytes a body has on the wire. */
export function bodyLength(body: Body): number {
  return typeof body === "object" && "latin1" in body ? body.latin1.length : Buffer.byteLength(body);
}

/** The type that Notary's server lets the browser guess, declared. */
export const plainText = "text/plain; charset=utf-8";

const json = "application/json; charset=utf-8";

/** A status without a body. */
export function emptyReply(status: number): Reply {
  return { status, headers: { "Content-Length": 0 }, body: "" };
}

/** Text of a given type that must not be kept by caches. */
export function textReply(body: string, type = plainText): Reply {
  return withType(200, type, body);
}

/** A JSON text with its own status. */
export function jsonReply(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return withType(status, json, body, headers);
}

function withType(status: number, type: string, body: string, more: Readonly<Record<string, string>> = {}): Reply {
  const length = { "Content-Length": Buffer.byteLength(body) };
  return { status, headers: { "Content-Type": type, "X-Content-Type-Options": "nosniff", ...more, ...length }, body };
}
