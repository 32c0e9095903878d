import { randomUUID } from "node:crypto";

/**
 * The name of a request in the log and in its answer: the one a proxy in front of this server gave it, if it is well-formed, else a new one.
 *
 * @param header `X-Request-Id`
 */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && /^[\w.:+=/@-]{1,128}$/u.test(header) ? header : randomUUID();
}
