/**
 * Passwords exchanged for tokens at this server. Docker and notary handle tokens better than passwords: to read, they ask for a token without logging
 * in, and with passwords alone they cannot read anonymously.
 */

import type { AccessRequest, AccessRefusal } from "../../login/access-request.ts";
import type { TokenEndpoint } from "../http/authorise.ts";
import { jsonReply } from "../http/reply.ts";
import type { BasicSettings } from "../../login/login-settings.ts";
import type { BasicLogin } from "../../login/basic-login.ts";
import { bearerChallenge, maxTokenBytes, requireRealm } from "../../login/bearer-challenge.ts";
import { IssuedTokens, tokenLifetimeSeconds } from "./issued-tokens.ts";
import { credentialsOf, invalidLogin, type Login, type LoginMethod } from "../../login/login.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";

const service = "tagseal";

/** Identifies users by the tokens this server issued, and by their passwords. */
export class IssuedTokenLogin implements LoginMethod {
  readonly #realm: string;
  readonly #passwords: BasicLogin;
  readonly #tokens: IssuedTokens;
  readonly #now: () => Date;

  private constructor(realm: string, passwords: BasicLogin, tokens: IssuedTokens, now: () => Date) {
    this.#realm = realm;
    this.#passwords = passwords;
    this.#tokens = tokens;
    this.#now = now;
  }

  /** @throws TagsealError `SERVER_CONFIGURATION` */
  static async open(
    realm: string,
    { tokenKeyFile }: BasicSettings,
    passwords: BasicLogin,
    parts: WatchParts,
  ): Promise<IssuedTokenLogin> {
    requireRealm(realm, parts.log);
    const tokens = await IssuedTokens.open(realm, tokenKeyFile, parts);
    return new IssuedTokenLogin(realm, passwords, tokens, parts.now);
  }

  async login(request: AccessRequest): Promise<Login | undefined> {
    const token = credentialsOf(request, "bearer");
    if (token === undefined) return this.#passwords.login(request);
    if (token.length > maxTokenBytes) return invalidLogin;
    const holder = await this.#tokens.verify(token, (user) => this.#passwords.hashOf(user));
    return holder === undefined ? invalidLogin : { kind: "known", user: holder.user };
  }

  challenge(request: AccessRequest, refusal: AccessRefusal): string {
    return bearerChallenge({ realm: this.#realm, service }, request, refusal);
  }

  /**
   * Answers a request for a token: an anonymous token without a password, a user's token with the right one. The requested scope is ignored.
   */
  readonly endpoint: TokenEndpoint = async (request, onAsker = () => {}) => {
    const login = await this.#passwords.login({
      ...request,
      gun: undefined,
      actions: [],
      clientCertificate: undefined,
    });
    if (login?.kind === "refused" || (login === undefined && request.headers.authorization !== undefined)) {
      onAsker(login?.kind === "refused" ? login : { refusal: "invalid" });
      const errors = [{ code: "UNAUTHORIZED", message: "authentication required" }];
      const headers = { "Www-Authenticate": this.#passwords.challenge() };
      return jsonReply(401, `${JSON.stringify({ errors })}\n`, headers);
    }
    const user = login?.user;
    onAsker({ user });
    const token = await this.#tokens.issue({ user, passwordHash: user && (await this.#passwords.hashOf(user)) });
    const answer = {
      token,
      access_token: token,
      expires_in: tokenLifetimeSeconds,
      issued_at: this.#now().toISOString(),
    };
    return jsonReply(200, JSON.stringify(answer), { "Cache-Control": "no-store" });
  };
}
