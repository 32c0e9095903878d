/** Token services: the servers that a Bearer challenge names, and the tokens they issue. */
import { isJsonObject, jsonMember, parseOrdinaryJsonOr } from "../encoding/json.ts";
import { NetworkError } from "../errors.ts";
import type { Credentials, UserAndPassword } from "../docker-config/credentials.ts";
import type { HttpClient } from "../http/client/http-client.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { HttpRequest } from "../http/client/http-request.ts";
import { describeUrl } from "../http/client/network-failure.ts";

/** A request to a token service. */
export interface TokenQuestion {
  /** its address; the caller has checked that it may see the login */
  readonly realm: URL;
  /** the service name in the challenge; empty when there is none */
  readonly service: string;
  /** the rights of the token */
  readonly scopes: readonly string[];
  /** the server with the challenge */
  readonly server: URL;
  readonly credentials: Credentials | undefined;
  /** also ask for an identity token, to be kept in the place of the password */
  readonly offline?: boolean;
  /** a command that logs in, for hints */
  readonly login: string;
  readonly signal: AbortSignal | undefined;
}

/** A token and its lifetime. */
export interface IssuedToken {
  readonly token: string;
  readonly lifetimeSeconds: number;
  /** an identity token, if the service issues them and was asked for one */
  readonly identityToken: string | undefined;
}

/** A token service gave no token: the login was not shown to the server itself. */
export class TokenRefusal extends NetworkError {}

const maxAnswerBytes = 1024 * 1024;
/** The lifetime of tokens that state none, and the minimum for all others. @see Notary v1: token authentication */
const minLifetimeSeconds = 60;

/**
 * Requests a token. A service that does not exchange identity tokens gets the password stored with it, if there is one.
 *
 * @throws NetworkError `AUTHENTICATION_REQUIRED`, `AUTHENTICATION_REFUSED`, `RESPONSE_MALFORMED`, `NETWORK_UNREACHABLE`, and as requests do
 */
export async function fetchToken(http: HttpClient, question: TokenQuestion): Promise<IssuedToken> {
  const { credentials } = question;
  if (credentials?.kind === "identity-token") {
    const exchanged = await send(http, question, exchangeRequest(question, credentials.token));
    if (!isUnsupported(exchanged)) return await answered(question, exchanged);
    exchanged.discard();
    if (credentials.basic === undefined) throw noExchange(question, exchanged.status);
  }
  const basic = credentials?.kind === "basic" ? credentials : credentials?.basic;
  return await answered(question, await send(http, question, passwordRequest(question, basic)));
}

/** The Authorization header for a user and password. */
export function basicAuthorization({ username, password }: UserAndPassword): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function send(http: HttpClient, { signal }: TokenQuestion, request: HttpRequest): Promise<HttpResponse> {
  return await http.request({ ...request, acceptGzip: true, ...(signal === undefined ? {} : { signal }) });
}

/** An identity token is exchanged with POST (OAuth2 refresh). @see Notary v1: token authentication */
function exchangeRequest({ realm, service, scopes }: TokenQuestion, token: string): HttpRequest {
  const form = new URLSearchParams({ grant_type: "refresh_token", service, client_id: "docker" });
  form.set("refresh_token", token);
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
  return { method: "POST", url: realm, headers, body: Buffer.from(form.toString()) };
}

function passwordRequest(
  { realm, service, scopes, offline = false }: TokenQuestion,
  login: UserAndPassword | undefined,
): HttpRequest {
  const url = new URL(realm);
  if (login !== undefined) url.searchParams.set("account", login.username);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (service !== "") url.searchParams.set("service", service);
  if (offline) {
    url.searchParams.set("client_id", "docker");
    url.searchParams.set("offline_token", "true");
  }
  const authorization = login === undefined ? {} : { authorization: basicAuthorization(login) };
  return { method: "GET", url, headers: { accept: "application/json", ...authorization } };
}

/** The answers of services that only support GET. */
function isUnsupported({ status }: HttpResponse): boolean {
  return status === 404 || status === 405 || status === 501;
}

function noExchange({ realm, server, login }: TokenQuestion, status: number): NetworkError {
  const where = `the token service ${describeUrl(realm)} of ${server.host}`;
  const message = `${where} takes no identity token (status ${status}), and the stored login is nothing else`;
  return new NetworkError("AUTHENTICATION_REFUSED", message, {
    status,
    hint: `Log in again with a user name and a password or access token: ${login}`,
  });
}

async function answered(question: TokenQuestion, response: HttpResponse): Promise<IssuedToken> {
  const bytes = await response.bytes(maxAnswerBytes);
  if (response.status !== 200) throw refusal(question, response.status);
  return parseAnswer(question.realm, bytes);
}

function parseAnswer(realm: URL, bytes: Uint8Array): IssuedToken {
  const malformed = (reason: string): NetworkError =>
    new NetworkError("RESPONSE_MALFORMED", `the token service ${describeUrl(realm)} ${reason}`);
  const answer = parseOrdinaryJsonOr(() => malformed("answered something that is not JSON"), bytes);
  const token = ["token", "access_token"]
    .map((name) => jsonMember(answer, name))
    .find((text) => text !== "" && text !== undefined);
  // the token becomes a header: nothing but visible ASCII may get there
  if (!isJsonObject(answer) || typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token))
    throw malformed("answered without a usable token");
  const lifetime = jsonMember(answer, "expires_in");
  const identity = jsonMember(answer, "refresh_token");
  return {
    identityToken: typeof identity === "string" && identity !== "" ? identity : undefined,
    token,
    lifetimeSeconds: Math.max(minLifetimeSeconds, typeof lifetime === "number" ? lifetime : 0),
  };
}

function refusal({ realm, server, credentials, login }: TokenQuestion, status: number): NetworkError {
  const where = `the token service ${describeUrl(realm)} of ${server.host}`;
  // by RFC 6749 §5.2 a refused refresh token is answered with 400
  const isRefusal = status === 401 || status === 403 || (status === 400 && credentials?.kind === "identity-token");
  if (!isRefusal) return new NetworkError("NETWORK_UNREACHABLE", `${where} answered with status ${status}`, { status });
  return credentials === undefined
    ? new TokenRefusal("AUTHENTICATION_REQUIRED", `${where} gives no token without logging in`, {
        status,
        hint: `Log in first: ${login}`,
      })
    : new TokenRefusal("AUTHENTICATION_REFUSED", `${where} does not accept the credentials it was given`, {
        status,
        hint: `Log in again: ${login}`,
      });
}
