/**
 * Answers a server's authentication challenges: Basic, and Bearer with a token service, for registries and trust servers alike.
 * Credentials go only to the server they were kept for and to the token service it names, and never in clear to a remote one.
 */
import { isJsonObject, parseJson } from "../encoding/json.ts";
import { NetworkError, TagsealError } from "../errors.ts";
import { dockerHub } from "../reference/image-reference.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "./http-client.ts";
import { isLoopbackHost } from "./loopback.ts";
import { describeUrl } from "./network-failure.ts";

/** Settings of an {@link Authenticator}. */
export interface AuthenticatorOptions {
  /** looked up once, when a challenge first asks; undefined means anonymous */
  readonly credentials?: ((signal?: AbortSignal) => Promise<Credentials | undefined>) | undefined;
  /** hosts configured as insecure: their token service may be on plain HTTP */
  readonly allowPlainHttp?: (host: string) => boolean;
  readonly now?: () => Date;
  /** what `docker login` calls the registry whose credentials these are, for hints; the server's host when absent */
  readonly registry?: string;
}

interface CachedToken {
  readonly authorization: string;
  readonly expiresAtMs: number;
}

const maxTokenAnswerBytes = 1024 * 1024;
/** Tokens without a lifetime live this long, and no token is taken to live shorter. @see Notary v1: token authentication */
const minLifetimeSeconds = 60;

/** Sends requests to one server under one identity, keeping its tokens by scope. */
export class Authenticator {
  readonly #http: HttpClient;
  readonly #options: AuthenticatorOptions;
  readonly #tokens = new Map<string, CachedToken>();
  /** the last challenge by origin, so that later requests need not be refused first */
  readonly #challenges = new Map<string, Challenge>();
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(http: HttpClient, options: AuthenticatorOptions = {}) {
    this.#http = http;
    this.#options = options;
  }

  /**
   * Sends a request, answers one challenge, and returns whatever else the server says (403 included).
   *
   * @param scope what the token must allow, such as `repository:library/alpine:pull`; several for a cross-repository mount;
   *   none for what the challenge itself names
   * @throws NetworkError `AUTHENTICATION_REQUIRED` (no credentials for a server that wants some), `AUTHENTICATION_REFUSED` (they were
   *   not accepted, or the token service may not be trusted with them), and as `HttpClient.request` does
   */
  async request(request: HttpRequest, scope: string | readonly string[] = []): Promise<HttpResponse> {
    const scopes = typeof scope === "string" ? [scope] : scope;
    const known = await this.#authorization(request, this.#challenges.get(request.url.origin), scopes);
    const response = await this.#http.request(withAuthorization(request, known));
    // a server we were redirected to is not the one our credentials are for
    if (response.status !== 401 || response.url.origin !== request.url.origin) return response;
    const challenge = chooseChallenge(response);
    response.discard();
    if (challenge === undefined) throw await this.#refusal(request, known !== undefined);
    this.#challenges.set(request.url.origin, challenge);
    this.#tokens.delete(tokenKey(request.url, challenge, scopes));
    const fresh = await this.#authorization(request, challenge, scopes);
    if (fresh === undefined) throw await this.#refusal(request, false);
    const second = await this.#http.request(withAuthorization(request, fresh));
    if (second.status !== 401 || second.url.origin !== request.url.origin) return second;
    second.discard();
    throw await this.#refusal(request, true);
  }

  /** Sees whether anything answers at `url`, whatever it says, and remembers its challenge. @throws NetworkError as `HttpClient.request` does */
  async probe(url: URL, signal?: AbortSignal): Promise<void> {
    const response = await this.#http.request({ method: "GET", url, ...(signal === undefined ? {} : { signal }) });
    response.discard();
    const challenge =
      response.status === 401 && response.url.origin === url.origin ? chooseChallenge(response) : undefined;
    if (challenge !== undefined) this.#challenges.set(url.origin, challenge);
  }

  async #refusal(request: HttpRequest, wasAuthorised: boolean): Promise<NetworkError> {
    const credentials = await this.#lookUp(request.signal);
    if (credentials === undefined) {
      return new NetworkError("AUTHENTICATION_REQUIRED", `${describeUrl(request.url)} requires authentication`, {
        status: 401,
        hint: `log in first: ${this.#login(request.url)}`,
      });
    }
    const what = wasAuthorised
      ? "does not accept the credentials it was given"
      : "asks for authentication in no way we know";
    return new NetworkError("AUTHENTICATION_REFUSED", `${describeUrl(request.url)} ${what}`, {
      status: 401,
      hint: `check that you may do this, and log in again: ${this.#login(request.url)}`,
    });
  }

  #lookUp(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.credentials?.(signal) ?? Promise.resolve(undefined);
    return this.#credentials;
  }

  /** The Authorization header for a challenge; undefined without a challenge, or when there is nothing to answer it with. */
  async #authorization(
    request: HttpRequest,
    challenge: Challenge | undefined,
    scopes: readonly string[],
  ): Promise<string | undefined> {
    if (challenge === undefined) return undefined;
    const credentials = await this.#lookUp(request.signal);
    if (challenge.scheme === "basic") return credentials?.kind === "basic" ? basic(credentials) : undefined;
    if (credentials?.kind === "registry-token") return `Bearer ${credentials.token}`;
    const key = tokenKey(request.url, challenge, scopes);
    const cached = this.#tokens.get(key);
    if (cached !== undefined && cached.expiresAtMs > this.#nowMs()) return cached.authorization;
    const token = await this.#fetchToken(request, challenge, scopes, credentials);
    this.#tokens.set(key, token);
    return token.authorization;
  }

  async #fetchToken(
    request: HttpRequest,
    challenge: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<CachedToken> {
    const realm = this.#realm(request.url, challenge);
    const service = challenge.parameters.get("service") ?? "";
    const asked = scopes.length > 0 ? scopes : [challenge.parameters.get("scope") ?? ""].filter((text) => text !== "");
    const response = await this.#http.request({
      ...tokenRequest(realm, service, asked, credentials),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const bytes = await response.bytes(maxTokenAnswerBytes);
    if (response.status !== 200)
      throw tokenRefusal(realm, response.status, request.url, credentials, this.#login(request.url));
    const { token, lifetimeSeconds } = parseTokenAnswer(realm, bytes);
    return { authorization: `Bearer ${token}`, expiresAtMs: this.#nowMs() + (lifetimeSeconds - 5) * 1000 };
  }

  #realm(server: URL, challenge: Challenge): URL {
    const text = challenge.parameters.get("realm") ?? "";
    if (!URL.canParse(text)) throw refusedRealm(server, "is not a URL");
    const realm = new URL(text);
    if (realm.username !== "" || realm.password !== "") throw refusedRealm(server, "holds a user name");
    if (realm.protocol === "https:") return realm;
    const bothLocal = isLoopbackHost(server.hostname) && isLoopbackHost(realm.hostname);
    const isInsecure = this.#options.allowPlainHttp?.(realm.host) === true;
    if (realm.protocol === "http:" && (bothLocal || isInsecure)) return realm;
    throw refusedRealm(server, `(${describeUrl(realm)}) is not encrypted`);
  }

  #login(server: URL): string {
    const { registry = server.host } = this.#options;
    return registry === dockerHub ? "docker login" : `docker login ${registry}`;
  }

  #nowMs(): number {
    return (this.#options.now?.() ?? new Date()).getTime();
  }
}

function chooseChallenge(response: HttpResponse): Challenge | undefined {
  const challenges = parseChallenges(response.headers["www-authenticate"] ?? "");
  return challenges.find(({ scheme }) => scheme === "bearer") ?? challenges.find(({ scheme }) => scheme === "basic");
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined ? request : { ...request, headers: { ...request.headers, authorization } };
}

function tokenKey(url: URL, challenge: Challenge, scopes: readonly string[]): string {
  const { parameters } = challenge;
  const asked = scopes.length > 0 ? scopes : [parameters.get("scope") ?? ""];
  return JSON.stringify([url.origin, parameters.get("realm"), parameters.get("service"), ...asked]);
}

/** An identity token is exchanged with POST (OAuth2 refresh), anything else asks with GET. @see Notary v1: token authentication */
function tokenRequest(
  realm: URL,
  service: string,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  if (credentials?.kind === "identity-token") {
    const form = new URLSearchParams({ grant_type: "refresh_token", service, client_id: "docker" });
    form.set("refresh_token", credentials.token);
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
    return { method: "POST", url: realm, headers, body: Buffer.from(form.toString()), acceptGzip: true };
  }
  const url = new URL(realm);
  if (credentials?.kind === "basic") url.searchParams.set("account", credentials.username);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (service !== "") url.searchParams.set("service", service);
  const authorization = credentials?.kind === "basic" ? { authorization: basic(credentials) } : {};
  return { method: "GET", url, headers: { accept: "application/json", ...authorization }, acceptGzip: true };
}

function basic(credentials: Extract<Credentials, { kind: "basic" }>): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

function parseTokenAnswer(realm: URL, bytes: Uint8Array): { token: string; lifetimeSeconds: number } {
  const malformed = (reason: string, cause?: unknown): NetworkError =>
    new NetworkError("RESPONSE_MALFORMED", `the token service ${describeUrl(realm)} ${reason}`, { cause });
  let answer;
  try {
    answer = parseJson(bytes);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    throw malformed("answered something that is not JSON");
  }
  const token = isJsonObject(answer) ? (member(answer, "token") ?? member(answer, "access_token")) : undefined;
  // the token becomes a header: nothing but visible ASCII may get there
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) throw malformed("answered without a usable token");
  const lifetime = isJsonObject(answer) ? member(answer, "expires_in") : undefined;
  return { token, lifetimeSeconds: Math.max(minLifetimeSeconds, typeof lifetime === "number" ? lifetime : 0) };
}

function member(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) && object[name] !== "" ? object[name] : undefined;
}

function tokenRefusal(
  realm: URL,
  status: number,
  server: URL,
  credentials: Credentials | undefined,
  login: string,
): NetworkError {
  const where = `the token service ${describeUrl(realm)} of ${server.host}`;
  // RFC 6749 §5.2 has a refused refresh token answered with 400
  const isRefusal = status === 401 || status === 403 || (status === 400 && credentials?.kind === "identity-token");
  if (!isRefusal) return new NetworkError("NETWORK_UNREACHABLE", `${where} answered with status ${status}`, { status });
  return credentials === undefined
    ? new NetworkError("AUTHENTICATION_REQUIRED", `${where} gives no token without logging in`, {
        status,
        hint: `log in first: ${login}`,
      })
    : new NetworkError("AUTHENTICATION_REFUSED", `${where} does not accept the credentials it was given`, {
        status,
        hint: `log in again: ${login}`,
      });
}

function refusedRealm(server: URL, reason: string): NetworkError {
  return new NetworkError(
    "AUTHENTICATION_REFUSED",
    `the token service ${server.host} names ${reason}; nothing was sent to it`,
    {
      hint: "credentials go to https token services only, unless the host is loopback or configured as insecure",
    },
  );
}
