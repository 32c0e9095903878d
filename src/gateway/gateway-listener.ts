/** The path of a request to the gateway: route, decision, answer, and one line of the log. No request can end the process. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { TrustedProxies } from "../http/server/client-address.ts";
import { requestIdOf } from "../http/server/request-id.ts";
import { duringRequest, requestIdHeader } from "../service/current-request.ts";
import { errorFields, type LogFields, type ServerLog } from "../service/log.ts";
import type { Decisions } from "../gates/decisions.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import type { Client, ClientLogins } from "./client-logins.ts";
import type { ClientRights } from "./client-rights.ts";
import { blobAnswer, type ContentConditions, type ContentParts, digestAnswer, tagAnswer } from "./content-answers.ts";
import type { AskedContent } from "./content-right.ts";
import type { AnsweredRequest } from "./gateway-metrics.ts";
import { refusalOfFailure } from "./gateway-refusal.ts";
import { referrersAnswer } from "./referrer-list.ts";
import { tagListAnswer } from "./tag-list.ts";
import { linger } from "./pushes/linger.ts";
import type { Pushes } from "./pushes/pushes.ts";
import { isServed, notServed, onlyPulls, requestedRoute, requestedUrl, type ServedRoute } from "./requested-route.ts";
import { isDigest } from "../reference/digest.ts";
import { type ShownLogin, tokenPath } from "./passed-logins.ts";
import type { RegistryRoute } from "../registry/registry-route.ts";
import { type Repository, servedName } from "./served-name.ts";

/** What the gateway answers with. */
export interface GatewayParts extends ContentParts {
  readonly decisions: Decisions;
  /** the registry that the gateway stands in front of */
  readonly registry: string | undefined;
  readonly log: ServerLog;
  readonly logins: ClientLogins;
  readonly rights: ClientRights;
  /** undefined where the gateway only serves pulls */
  readonly pushes: Pushes | undefined;
  /** proxies that are trusted to name the client */
  readonly proxies: TrustedProxies;
  /** refuses a registry that the gateway does not serve */
  requireServed(name: Repository): void;
  /** answers paths that are not of a registry: health and metrics */
  ownPage(path: string): Promise<Answer | undefined>;
  /** is told each request whose answer was sent */
  onAnswered(seen: AnsweredRequest): void;
}

/** Makes the function that answers requests. */
export function gatewayListener(parts: GatewayParts): RequestListener {
  return (request, response) => {
    // A failure of the error answer itself has been logged; all that remains is to close the connection.
    new Exchange(parts, request, response).answer().catch(() => response.destroy());
  };
}

class Exchange {
  readonly #parts: GatewayParts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #startedAt = performance.now();
  #kind: AnsweredRequest["kind"] = "other";
  #client: Client = {};
  #isPush = false;

  constructor(parts: GatewayParts, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
  }

  async answer(): Promise<void> {
    this.#response.on("error", () => undefined);
    if (!(await hasItsTurn(this.#request, this.#response))) return;
    let answer: Answer;
    try {
      answer = await this.#made();
    } catch (error) {
      answer = this.#refused(error);
    }
    await this.#send(answer);
  }

  async #made(): Promise<Answer> {
    const { method = "", url: target = "" } = this.#request;
    const url = requestedUrl(target);
    const own = method === "GET" || method === "HEAD" ? await this.#parts.ownPage(url.pathname) : undefined;
    if (own !== undefined) return own;
    const client = (): LogFields => ({ user: this.#client.user, remote: this.#parts.proxies.clientOf(this.#request) });
    return await duringRequest({ client }, async () => await this.#answerTo(url));
  }

  async #answerTo(url: URL): Promise<Answer> {
    const route = requestedRoute(url);
    const push = this.#parts.pushes?.taken(this.#request, route, url.searchParams);
    this.#isPush = push !== undefined;
    if (push === undefined) this.#requirePull(route);
    if (push !== undefined) this.#kind = push.kind;
    else if (route.kind === "base" || isServed(route)) this.#kind = route.kind;
    const repository = "repository" in route ? route.repository : undefined;
    this.#client = await this.#parts.logins.require(this.#request, repository);
    const shown = this.#shownLogin(repository);
    const token = url.pathname === tokenPath ? this.#parts.rights.tokenAnswer(shown) : undefined;
    if (token !== undefined) return this.#as("token", token);
    if (route.kind === "base") {
      this.#parts.rights.requireShown(shown);
      return jsonAnswer(200, {});
    }
    const named = (): Repository => {
      const name = servedName(repository ?? "", url.searchParams, this.#parts.registry);
      this.#parts.requireServed(name);
      return name;
    };
    if (push !== undefined) return await push.answer(named(), shown);
    if (!isServed(route)) throw notServed(route);
    return await this.#read(route, named(), url, shown);
  }

  async #read(route: ServedRoute, named: Repository, url: URL, shown: ShownLogin): Promise<Answer> {
    const read = async (): Promise<Answer> =>
      await this.#served(route, await this.#parts.rights.seenBy(named, shown, contentOf(route)), url);
    const { pushes } = this.#parts;
    // engines that ask a mirror go on to the registry where something is not there
    const isOfMirror = url.searchParams.has("ns");
    if (pushes === undefined || isOfMirror || this.#request.method !== "HEAD") return await read();
    return await pushes.head({ route, name: named, shown }, read);
  }

  async #served(route: ServedRoute, name: Repository, url: URL): Promise<Answer> {
    if (route.kind === "blob") return await blobAnswer(this.#parts, name, route.digest, this.#conditions());
    if (route.kind === "tags") return await tagListAnswer(this.#parts, name, url);
    if (route.kind === "referrers")
      return await referrersAnswer(this.#parts, name, route.digest, url.searchParams.get("artifactType"));
    return isDigest(route.tagOrDigest)
      ? await digestAnswer(this.#parts, name, route.tagOrDigest, this.#conditions())
      : await tagAnswer(this.#parts, name, route.tagOrDigest, this.#conditions());
  }

  #as(kind: AnsweredRequest["kind"], answer: Answer): Answer {
    this.#kind = kind;
    return answer;
  }

  #shownLogin(repository: string | undefined): ShownLogin {
    const { headers, socket } = this.#request;
    const remoteAddress = this.#parts.proxies.clientOf(this.#request);
    const { authorization, host } = headers;
    const isEncrypted = socket instanceof TLSSocket;
    return { authorization, host, remoteAddress, repository, isEncrypted, isPush: this.#isPush };
  }

  #requirePull(route: RegistryRoute): void {
    const { method } = this.#request;
    if (method === "GET" || method === "HEAD") return;
    const takesPushes = this.#parts.pushes !== undefined;
    throw takesPushes && route.kind === "invalid" ? notServed(route) : onlyPulls(takesPushes);
  }

  #conditions(): ContentConditions {
    const { range, "if-range": ifRange, "if-none-match": ifNoneMatch } = this.#request.headers;
    const isHead = this.#request.method === "HEAD";
    return { range, ifRange: typeof ifRange === "string" ? ifRange : undefined, ifNoneMatch, isHead };
  }

  #refused(error: unknown): Answer {
    const refusal = refusalOfFailure(error);
    if (refusal.status === 401 && refusal.reason !== "LOGIN_MISSING")
      this.#parts.log.write("warning", "access refused", { ...this.#fields(), reason: refusal.reason });
    if (refusal.status >= 500)
      this.#parts.log.write("error", "request failed", { ...this.#fields(), ...errorFields(error) });
    const body = refusal.toBody();
    const type = { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
    return { status: refusal.status, headers: { ...type, ...refusal.headers }, body };
  }

  async #send({ status, headers, body }: Answer): Promise<void> {
    const response = this.#response;
    if (response.destroyed) return;
    if (!this.#request.complete && this.#isPush) linger(this.#request);
    else if (!this.#request.complete) response.setHeader("connection", "close");
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    response.setHeader("x-request-id", requestIdOf(this.#request.headers[requestIdHeader]));
    if (this.#request.method !== "HEAD" && isStream(body)) return await this.#stream({ status, headers }, body);
    response.writeHead(status, headers);
    if (this.#request.method === "HEAD" || isStream(body)) response.end();
    else response.end(body);
    this.#noteAnswered(status);
  }

  /** What fails before anything was sent is a refusal; later, the answer is cut off. */
  async #stream(
    { status, headers }: Pick<Answer, "status" | "headers">,
    body: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const response = this.#response;
    try {
      for await (const piece of body) {
        if (response.destroyed) return;
        if (!response.headersSent) response.writeHead(status, headers);
        await taken(response, piece);
      }
    } catch (error) {
      if (!response.headersSent) return await this.#send(this.#refused(error));
      this.#parts.log.write("error", "a blob was cut off", { ...this.#fields(), ...errorFields(error) });
      response.destroy();
      return;
    }
    if (!response.headersSent) response.writeHead(status, headers);
    response.end();
    this.#noteAnswered(status);
  }

  #noteAnswered(status: number): void {
    const durationMs = this.#durationMs();
    this.#parts.onAnswered({ kind: this.#kind, status, durationMs });
    this.#parts.log.write("debug", "request", { ...this.#fields(), status, durationMs });
  }

  #durationMs(): number {
    return Math.round((performance.now() - this.#startedAt) * 1000) / 1000;
  }

  #fields(): Record<string, string | undefined> {
    const { method, url = "", headers } = this.#request;
    return {
      remote: this.#parts.proxies.clientOf(this.#request),
      user: this.#client.user,
      method,
      path: url.split("?", 1)[0]?.slice(0, 512),
      userAgent: headers["user-agent"]?.slice(0, 160),
    };
  }
}

function isStream(body: Answer["body"]): body is AsyncIterable<Uint8Array> {
  return body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array);
}

/**
 * Waits until the answers before this one on its connection were sent, for a client that does not wait for them: it must not hold more than one
 * answer at a time. @returns false when the connection ended before
 */
async function hasItsTurn({ socket }: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (response.socket !== null) return true;
  if (socket.destroyed) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  response.once("socket", () => resolve(true)).once("close", () => resolve(false));
  return await promise;
}

/** Resolves when a piece may be overwritten, or the client is gone. */
async function taken(response: ServerResponse, piece: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once("close", resolve);
  response.write(piece, () => resolve());
  await promise;
  response.off("close", resolve);
}

/** What a route is about; referrers are those of a manifest. */
function contentOf(route: ServedRoute): AskedContent | undefined {
  if (route.kind === "tags") return undefined;
  if (route.kind === "blob") return { kind: "blob", digest: route.digest };
  return { kind: "manifest", tagOrDigest: route.kind === "manifest" ? route.tagOrDigest : route.digest };
}
