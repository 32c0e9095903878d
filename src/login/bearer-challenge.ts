import { TagsealError } from "../errors.ts";
import type { AccessRequest, AccessRefusal } from "./access-request.ts";
import type { ServerLog } from "../service/log.ts";
import { quoted } from "./login.ts";

/** longer tokens are refused unread; all headers of a request share 16 KiB */
export const maxTokenBytes = 12 * 1024;

/** Where clients get tokens, and for which service. */
export interface BearerChallenge {
  readonly realm: string;
  readonly service: string;
  /** registries name no scope to a client that only logs in; Notary's server names the catalogue */
  readonly isLoginScopeless?: boolean | undefined;
}

/**
 * The challenge that sends a client to the token realm. The scope is what the request needs, so that the client asks for no more.
 *
 * @see Notary v1: token authentication
 */
export function bearerChallenge(
  { realm, service, isLoginScopeless }: BearerChallenge,
  { gun, actions }: Pick<AccessRequest, "gun" | "actions">,
  refusal: AccessRefusal,
): string {
  const target = gun === undefined ? "registry:catalog:*" : `repository:${gun}:${actions.join(",")}`;
  const isPlainLogin = gun === undefined && actions.length === 0;
  const scope = isPlainLogin && isLoginScopeless === true ? "" : `,scope=${quoted(target)}`;
  return `Bearer realm=${quoted(realm)},service=${quoted(service)}${scope}${errors[refusal]}`;
}

const errors: Readonly<Record<AccessRefusal, string>> = {
  missing: "",
  invalid: ',error="invalid_token"',
  throttled: ',error="invalid_token"',
  insufficient: ',error="insufficient_scope"',
};

/**
 * Checks the token realm. Clients send passwords there, so the log reports a realm where others can read them on the way.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for a realm that is not a URL, or that holds a password
 */
export function requireRealm(realm: string, log: ServerLog): void {
  const url = URL.canParse(realm) && !/\p{Cc}/u.test(realm) ? new URL(realm) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) throw invalid("is not an http or https URL");
  if (url.username !== "" || url.password !== "") throw invalid("holds a user name or password");
  const isConfidential = url.protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (!isConfidential) log.write("error", "clients send passwords in clear", { realm });
}

function invalid(reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot send clients to the token realm: it ${reason}`);
}
