/** Logins that clients show for the registry behind the gateway: as a password, as a token of the gateway, or as a token of the registry. */
import type { AccessRefusal } from "../login/access-request.ts";
import { bearerChallenge } from "../login/bearer-challenge.ts";
import { isLoopbackHost } from "../reference/loopback.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import { type LoginTokens, tokenSeconds } from "./login-tokens.ts";
import { PassedLogin, shownCredentials } from "./passed-login.ts";

/** What a request shows. */
export interface ShownLogin {
  /** the `Authorization` header */
  readonly authorization: string | undefined;
  readonly remoteAddress: string | undefined;
  /** the `Host` header: how the client names the gateway */
  readonly host: string | undefined;
  readonly isEncrypted: boolean;
  /** as in the request's path; undefined for the base of the API */
  readonly repository: string | undefined;
  /** asks for the right to push, too */
  readonly isPush?: boolean;
}

/** The path where clients get tokens. */
export const tokenPath = "/token";

/** See the top of this file. */
export class PassedLogins {
  readonly #tokens: LoginTokens;
  readonly #now: () => Date;

  constructor(tokens: LoginTokens, now: () => Date) {
    this.#tokens = tokens;
    this.#now = now;
  }

  /** The login of a request. @throws GatewayRefusal `UNAUTHORIZED` for one that is malformed, or a token that counts no longer */
  read(shown: ShownLogin): PassedLogin {
    if (shown.authorization === undefined) return new PassedLogin(undefined);
    const credentials = shownCredentials(shown.authorization);
    if (credentials === undefined) throw refusedLogin(shown, "this login is malformed", "invalid");
    if (credentials === "anonymous") return new PassedLogin(undefined);
    if (credentials.kind !== "registry-token" || !this.#tokens.isOurs(credentials.token))
      return new PassedLogin(credentials);
    const login = this.#tokens.open(credentials.token);
    if (login === undefined) throw refusedLogin(shown, "this token counts no longer", "invalid");
    return login;
  }

  /** A token for the login of a request; nothing is asked of a registry. @throws GatewayRefusal as {@link read}; a token is not given for a token */
  tokenAnswer(shown: ShownLogin): Answer {
    if (/^bearer /iu.test(shown.authorization ?? ""))
      throw refusedLogin({ ...shown, host: undefined }, "log in with a password", "invalid");
    const token = this.#tokens.issue(this.read({ ...shown, host: undefined }));
    const issued = { token, access_token: token, expires_in: tokenSeconds, issued_at: this.#now().toISOString() };
    return jsonAnswer(200, issued, { "cache-control": "no-store" });
  }
}

/** The refusal with which clients show their login, or stop trying with the one they have shown. */
export function refusedLogin(shown: ShownLogin, message: string, refusal: AccessRefusal): GatewayRefusal {
  const headers = { "www-authenticate": challenge(shown, refusal) };
  const reason = `LOGIN_${(refusal === "insufficient" ? "missing" : refusal).toUpperCase()}`;
  return new GatewayRefusal(401, "UNAUTHORIZED", message, { reason, headers });
}

/** Where the gateway does not know its name, or gives tokens, clients show their password. */
function challenge({ host, isEncrypted, repository, isPush = false }: ShownLogin, refusal: AccessRefusal): string {
  const [, name = ""] = /^([a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/iu.exec(host ?? "") ?? [];
  if (host === undefined || name === "") return 'Basic realm="registry behind the gateway"';
  // a name that is not this machine's without TLS here: a proxy on this machine has it, as the start of the gateway asks for
  const scheme = isEncrypted || !isLoopbackHost(name) ? "https" : "http";
  const realm = { realm: `${scheme}://${host}${tokenPath}`, service: host, isLoginScopeless: true };
  const actions = repository === undefined ? [] : isPush ? ["pull", "push"] : ["pull"];
  return bearerChallenge(realm, { gun: repository, actions }, refusal);
}
