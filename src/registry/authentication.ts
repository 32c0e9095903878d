/**
 * Answers a server's authentication challenges: Basic, and Bearer with a token service, for registries and trust servers alike.
 * Credentials go only to the server they are stored for and to the token service it names, and never unencrypted to a remote one.
 */
import { NetworkError } from "../errors.ts";
import { answerable, type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "../docker-config/credentials.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import type { HttpClient } from "../http/client/http-client.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import { type HttpRequest, isPassing } from "../http/client/http-request.ts";
import { tokenRealm } from "./token-realm.ts";
import { loginHint, unanswered } from "./unanswered-challenge.ts";

/** Settings of an {@link Authenticator}. */
export interface AuthenticatorOptions {
  /** looked up once, when a challenge first asks; undefined means anonymous */
  readonly credentials?: ((signal?: AbortSignal) => Promise<Credentials | undefined>) | undefined;
  /** hosts configured as insecure: their token service may use plain HTTP */
  readonly allowPlainHttp?: (host: string) => boolean;
  readonly now?: () => Date;
  /** asks token services for an identity token as well, and passes on the one that they issue */
  readonly onIdentityToken?: ((token: string) => void) | undefined;
  /** the name of the registry for `docker login`, for hints; the server's host when absent */
  readonly registry?: string;
  /** the command that logs in, for hints; `docker login` when absent */
  readonly login?: string;
}

/** A registry has as many scopes as repositories: those beyond are asked for again. */
const maxTokens = 1000;

interface CachedToken {
  readonly authorization: string;
  readonly expiresAtMs: number;
}

/** Sends requests to one server under one identity, keeping its tokens by scope. */
export class Authenticator {
  readonly #http: HttpClient;
  readonly #options: AuthenticatorOptions;
  readonly #tokens = new BoundedMap<string, CachedToken>(maxTokens);
  /** the challenge to answer, by origin, so that later requests are not refused first */
  readonly #challenges = new Map<string, Challenge>();
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(http: HttpClient, options: AuthenticatorOptions = {}) {
    this.#http = http;
    this.#options = options;
  }

  /**
   * Sends a request, answers a challenge, and returns any other answer of the server (403 included). Of several schemes that a server offers, Bearer
   * comes first, and the next one follows when a scheme does not work. A body that passes by cannot be sent again after a challenge: the login must
   * have been shown by an earlier request.
   *
   * @param scope the rights of the token, such as `repository:library/alpine:pull`; several for a cross-repository mount;
   *   none for the scope that the challenge names
   * @throws NetworkError `AUTHENTICATION_REQUIRED` (no credentials for a server that requires them), `AUTHENTICATION_REFUSED` (they were
   *   not accepted, do not fit any scheme that the server offers, or the token service must not see them), and as
   *   `HttpClient.request` does
   */
  async request(request: HttpRequest, scope: string | readonly string[] = []): Promise<HttpResponse> {
    const scopes = typeof scope === "string" ? [scope] : scope;
    const known = await this.#authorization(request, this.#challenges.get(request.url.origin), scopes);
    const response = await this.#http.request(withAuthorization(request, known));
    // the target of a redirect is not the server the credentials are for
    if (response.status !== 401 || response.url.origin !== request.url.origin) return response;
    const challenges = challengesOf(response);
    response.discard();
    if (isPassing(request.body)) throw await this.#unanswered(request, challenges, known !== undefined);
    return await this.#answer(request, challenges, scopes, known !== undefined);
  }

  async #answer(
    request: HttpRequest,
    challenges: readonly Challenge[],
    scopes: readonly string[],
    wasAuthorised: boolean,
  ): Promise<HttpResponse> {
    const { origin } = request.url;
    let wereShown = wasAuthorised;
    let failure: unknown;
    for (const challenge of answerable(challenges)) {
      this.#challenges.set(origin, challenge);
      this.#tokens.delete(tokenKey(request.url, challenge, scopes));
      try {
        const fresh = await this.#authorization(request, challenge, scopes);
        if (fresh === undefined) continue;
        wereShown = true;
        const response = await this.#http.request(withAuthorization(request, fresh));
        if (response.status !== 401 || response.url.origin !== origin) return response;
        response.discard();
      } catch (error) {
        // a token service that gives no token is a scheme that does not work
        if (!(error instanceof NetworkError)) throw error;
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    throw await this.#unanswered(request, challenges, wereShown);
  }

  async #unanswered(
    { url, signal }: HttpRequest,
    challenges: readonly Challenge[],
    wereShown: boolean,
  ): Promise<NetworkError> {
    const credentials = await this.#lookUp(signal);
    return unanswered({ url, challenges, credentials, wereShown, login: this.#login(url) });
  }

  /** Checks that `url` answers, in any way, and remembers its challenge. @throws NetworkError as `HttpClient.request` does */
  async probe(url: URL, signal?: AbortSignal): Promise<void> {
    const response = await this.#http.request({ method: "GET", url, ...(signal === undefined ? {} : { signal }) });
    const challenges = response.status === 401 && response.url.origin === url.origin ? challengesOf(response) : [];
    response.discard();
    const [challenge, ...others] = answerable(challenges);
    // with a choice of schemes, the first request finds out which one works
    if (challenge !== undefined && others.length === 0) this.#challenges.set(url.origin, challenge);
  }

  #lookUp(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.credentials?.(signal) ?? Promise.resolve(undefined);
    return this.#credentials;
  }

  /** The Authorization header for a challenge; undefined without a challenge or without credentials for it. */
  async #authorization(
    request: HttpRequest,
    challenge: Challenge | undefined,
    scopes: readonly string[],
  ): Promise<string | undefined> {
    if (challenge === undefined) return undefined;
    const { basicAuthorization, fetchToken } = await import("./token-service.ts");
    const credentials = await this.#lookUp(request.signal);
    if (challenge.scheme === "basic") {
      const login = credentials?.kind === "basic" ? credentials : credentials?.basic;
      return login === undefined ? undefined : basicAuthorization(login);
    }
    if (credentials?.kind === "registry-token") return `Bearer ${credentials.token}`;
    const key = tokenKey(request.url, challenge, scopes);
    const cached = this.#tokens.get(key);
    if (cached !== undefined && cached.expiresAtMs > this.#nowMs()) return cached.authorization;
    const { parameters } = challenge;
    const { onIdentityToken } = this.#options;
    const { token, lifetimeSeconds, identityToken } = await fetchToken(this.#http, {
      realm: tokenRealm(request.url, challenge, this.#options.allowPlainHttp),
      service: parameters.get("service") ?? "",
      scopes: scopes.length > 0 ? scopes : [parameters.get("scope") ?? ""].filter((text) => text !== ""),
      server: request.url,
      credentials,
      offline: onIdentityToken !== undefined,
      login: this.#login(request.url),
      signal: request.signal,
    });
    if (identityToken !== undefined) onIdentityToken?.(identityToken);
    const authorization = `Bearer ${token}`;
    this.#tokens.set(key, { authorization, expiresAtMs: this.#nowMs() + (lifetimeSeconds - 5) * 1000 });
    return authorization;
  }

  #login(server: URL): string {
    const { registry = server.host, login = "docker login" } = this.#options;
    return loginHint(login, registry);
  }

  #nowMs(): number {
    return (this.#options.now?.() ?? new Date()).getTime();
  }
}

function challengesOf(response: HttpResponse): readonly Challenge[] {
  return parseChallenges(response.headers["www-authenticate"] ?? "");
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined ? request : { ...request, headers: { ...request.headers, authorization } };
}

function tokenKey(url: URL, challenge: Challenge, scopes: readonly string[]): string {
  const { parameters } = challenge;
  const asked = scopes.length > 0 ? scopes : [parameters.get("scope") ?? ""];
  return JSON.stringify([url.origin, parameters.get("realm"), parameters.get("service"), ...asked]);
}
