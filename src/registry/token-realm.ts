/** The address of a token service, as a challenge names it: where credentials may go. */
import { NetworkError } from "../errors.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { isLoopbackHost } from "../reference/loopback.ts";
import type { Challenge } from "./challenge.ts";

/**
 * The address that a challenge names: encrypted, unless it and the server are both loopback, or its host is configured as insecure.
 *
 * @throws NetworkError `AUTHENTICATION_REFUSED`
 */
export function tokenRealm(server: URL, challenge: Challenge, allowPlainHttp?: (host: string) => boolean): URL {
  const text = challenge.parameters.get("realm") ?? "";
  if (text === "") throw refusedRealm(server, "has no address");
  // a path alone belongs to the server itself
  const base = /^\/(?!\/)/.test(text) ? server.origin : undefined;
  if (!URL.canParse(text, base)) throw refusedRealm(server, "is not a URL");
  const realm = new URL(text, base);
  if (realm.username !== "" || realm.password !== "") throw refusedRealm(server, "holds a user name");
  if (realm.protocol === "https:") return realm;
  const bothLocal = isLoopbackHost(server.hostname) && isLoopbackHost(realm.hostname);
  const isInsecure = allowPlainHttp?.(realm.host) === true;
  if (realm.protocol === "http:" && (bothLocal || isInsecure)) return realm;
  throw refusedRealm(server, `(${describeUrl(realm)}) is not encrypted`);
}

function refusedRealm(server: URL, reason: string): NetworkError {
  return new NetworkError(
    "AUTHENTICATION_REFUSED",
    `the token service that ${server.host} names ${reason}; nothing was sent to it`,
    {
      hint: "Ask the registry's operator: credentials go to https token services only, unless the host is loopback or configured as insecure.",
    },
  );
}
