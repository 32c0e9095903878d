/** What a handler answers, before anything is written to a socket. */

/** One response. HEAD requests get the same headers and no body. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer;
}

/** What Notary's server lets the browser guess, said outright. */
export const plainText = "text/plain; charset=utf-8";

const json = "application/json; charset=utf-8";

/** A status without a body. */
export function emptyReply(status: number): Reply {
  return { status, headers: {}, body: "" };
}

/** Text of a given type that must not be kept by caches. */
export function textReply(body: string, type = plainText): Reply {
  return { status: 200, headers: { "Content-Type": type, "X-Content-Type-Options": "nosniff" }, body };
}

/** A JSON text with its own status. */
export function jsonReply(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { "Content-Type": json, "X-Content-Type-Options": "nosniff", ...headers }, body };
}
