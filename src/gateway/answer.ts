/** Answers of the gateway, before they are written to a client. */

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** whole, or in pieces, each of which is overwritten when the next is asked for; nothing when absent */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
}

/** Where content came from, for the metrics. */
export type ContentSource = "memory" | "disk" | "registry";

/** An answer with JSON. */
export function jsonAnswer(status: number, value: object, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = JSON.stringify(value);
  return {
    status,
    headers: { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)), ...headers },
    body,
  };
}

/** True when a client has content of this ETag. @see RFC 9110, 13.1.2 */
export function isKnownToClient(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((each) => each.trim().replace(/^W\//u, "") === etag || each.trim() === "*");
}
