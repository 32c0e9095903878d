/** Which redirects are followed, and what follows them: never an identity to another origin, never from TLS to a plain connection. */

import { NetworkError } from "../../errors.ts";
import type { Answer } from "./unread-answer.ts";
import { describeUrl } from "./network-failure.ts";

const maxRedirects = 5;
/** Headers without identity: the only ones that follow a redirect to another origin. */
const originFreeHeaders = new Set([
  "accept",
  "accept-encoding",
  "content-length",
  "content-range",
  "content-type",
  "range",
  "user-agent",
]);

/** Where an answer points, as it says; undefined when it is no redirect. */
export function redirectLocation(message: Answer): string | undefined {
  const isRedirect = [301, 302, 303, 307, 308].includes(message.statusCode ?? 0);
  return isRedirect ? message.headers.location : undefined;
}

/** True when a redirect keeps the request as it is. Only 307 and 308 keep method and body; the others would turn the request into a GET. */
export function followsRedirect(
  { method, resend = false }: { readonly method: string; readonly resend?: boolean },
  status: number | undefined,
): boolean {
  return method === "GET" || method === "HEAD" || (resend && (status === 307 || status === 308));
}

/**
 * The address to ask next.
 *
 * @param redirects how many were followed before
 * @throws NetworkError `REDIRECT_REFUSED`
 */
export function redirectTarget(from: URL, location: string, redirects: number): URL {
  if (redirects >= maxRedirects) throw redirectRefused(from, `more than ${maxRedirects} redirects`);
  if (!URL.canParse(location, from.href)) throw redirectRefused(from, "its target is not a URL");
  const to = new URL(location, from.href);
  if (to.protocol !== "https:" && to.protocol !== "http:") throw redirectRefused(from, `its target is ${to.protocol}`);
  if (to.username !== "" || to.password !== "")
    throw redirectRefused(from, `its target ${describeUrl(to)} holds a user name`);
  if (from.protocol === "https:" && to.protocol === "http:")
    throw redirectRefused(from, `its target ${describeUrl(to)} is not encrypted`);
  to.hash = "";
  return to;
}

/** The refusal `REDIRECT_REFUSED`, with its reason. */
export function redirectRefused(from: URL, reason: string): NetworkError {
  return new NetworkError("REDIRECT_REFUSED", `${describeUrl(from)} redirects, refused: ${reason}`);
}

/** The headers that another origin may see. Names are in lower case. */
export function withoutIdentity(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => originFreeHeaders.has(name));
  return { ...Object.fromEntries(kept), ...withoutDictionary(headers["accept-encoding"]) };
}

/** Without a dictionary its coding must not be announced, RFC 9842 §6.1. */
function withoutDictionary(accepted: string | undefined): Record<string, string> {
  if (accepted?.startsWith("dcz") !== true) return {};
  return { "accept-encoding": accepted.replace(/^dcz(?:, )?/u, "") || "identity" };
}
