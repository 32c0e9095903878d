/**
 * HTTP for the registry and trust server clients, over node:http and node:https. It guarantees: a silent or slow peer times
 * out, bodies are bounded by their reader, plain HTTP only where allowed, redirects carry no credentials elsewhere and never leave
 * TLS, an abort signal ends everything at once. It knows nothing about registries, tokens or trust.
 */
import { type Answer, answerOf } from "./unread-answer.ts";
import { type HttpExchange, httpExchanges } from "./trace.ts";
import type { Environment } from "../../environment/environment.ts";
import { NetworkError, systemCode } from "../../errors.ts";
import type { Pace } from "./response-body.ts";
import { fetchExchange, hasFetchedForm } from "./fetch-exchange.ts";
import { canFetch } from "./fetch-runtime.ts";
import { exchange } from "./exchange.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";
import { describeUrl, isUnknownIssuer, networkFailure } from "./network-failure.ts";
import { HttpConnections } from "./http-connections.ts";
import { followsRedirect, redirectLocation, redirectRefused, redirectTarget, withoutIdentity } from "./redirect.ts";
import type { TlsSettings } from "./trusted-roots.ts";
import { type HttpRequest, isPassing, sentHeaders } from "./http-request.ts";
import { type HttpResponse, discard, responseOf } from "./http-response.ts";

/** How long to wait for peers. With the defaults a silent one times out within ten seconds. */
export interface Timeouts {
  /** longest wait, in milliseconds, without a connection, without progress in sending, or without an answer's headers (9,000) */
  readonly patienceMs?: number;
  /** bytes of a body that must arrive in each such span, unless the body ends in it (8,192) */
  readonly minBytes?: number;
}

/** Settings of an {@link HttpClient}. Nothing is read from the process: proxies come from `proxyEnv`. */
export interface HttpClientOptions {
  /** `Tagseal/<version>` when absent */
  readonly userAgent?: string;
  /** for every host, or per `host[:port]`. A client certificate and `insecure` given once hold for the origins asked, not for redirects away from them */
  readonly tls?: TlsSettings | ((host: string) => TlsSettings);
  /** hosts (besides loopback ones) that may be used without TLS; none when absent */
  readonly allowPlainHttp?: boolean | ((host: string) => boolean);
  /** the environment with `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`; no proxy when absent */
  readonly proxyEnv?: Environment;
  readonly timeouts?: Timeouts;
}

/** A request with all of its headers. */
type SentRequest = HttpRequest & { readonly headers: Readonly<Record<string, string>> };

/** A pool of connections with one set of rules. Close it when done. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #patienceMs: number;
  readonly #pace: Pace;
  readonly #connections: HttpConnections;
  readonly #fetching = new Set<AbortController>();

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
    this.#patienceMs = options.timeouts?.patienceMs ?? 9_000;
    this.#pace = { windowMs: this.#patienceMs, minBytes: options.timeouts?.minBytes ?? 8_192 };
    this.#connections = new HttpConnections({ ...options, patienceMs: this.#patienceMs });
  }

  /**
   * Sends a request, follows redirects of GET and HEAD (and of others where {@link HttpRequest.resend} allows it), and returns the answer,
   * whatever its status.
   *
   * @throws NetworkError `NETWORK_UNREACHABLE`, `NETWORK_TIMEOUT`, `TLS_UNTRUSTED`, `REDIRECT_REFUSED`; TagsealError `CANCELLED`
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    let { url } = request;
    let headers = sentHeaders(request, this.#options.userAgent);
    for (let redirects = 0; ; redirects++) {
      const message = await this.#send({ ...request, url, headers }, url.origin === request.url.origin);
      const location = redirectLocation(message);
      if (location === undefined) {
        // Dictionaries are for the origin they came from, RFC 9842 §9.3.1.
        const dictionary = url.origin === request.url.origin ? request.dictionary : undefined;
        return responseOf(message, { ...request, url, dictionary }, this.#pace);
      }
      discard(message);
      if (isPassing(request.body) || !followsRedirect(request, message.statusCode))
        throw redirectRefused(url, `a ${request.method} is not sent on`);
      const next = redirectTarget(url, location, redirects);
      if (next.origin !== url.origin) headers = withoutIdentity(headers);
      url = next;
    }
  }

  /** Closes all connections, also those in use. */
  close(): void {
    this.#connections.close();
    for (const running of this.#fetching) running.abort();
  }

  async #send(request: SentRequest, isAskedOrigin: boolean): Promise<Answer> {
    this.#refusePlainHttp(request.url);
    const isSentOnce = isPassing(request.body);
    const isRepeatable = request.body === undefined || (request.method === "PUT" && !isSentOnce);
    try {
      return await this.#exchange(request, isAskedOrigin);
    } catch (error) {
      if (!isSentOnce && isUnknownIssuer(error) && this.#connections.trustAllRoots(request.url.origin)) {
        // the handshake failed: nothing of the request was sent
        return await this.#send(request, isAskedOrigin);
      }
      if (error instanceof StaleConnection && isRepeatable) {
        return await this.#exchange(request, isAskedOrigin).catch((again: unknown) => {
          throw networkFailure(again instanceof StaleConnection ? again.cause : again, request.url);
        });
      }
      throw networkFailure(error instanceof StaleConnection ? error.cause : error, request.url);
    }
  }

  #refusePlainHttp(url: URL): void {
    if (url.protocol === "https:" || isLoopbackHost(url.hostname)) return;
    const { allowPlainHttp = false } = this.#options;
    const allowed = typeof allowPlainHttp === "function" ? allowPlainHttp(url.host) : allowPlainHttp;
    if (url.protocol === "http:" && allowed) return;
    throw new NetworkError("NETWORK_UNREACHABLE", `${describeUrl(url)} is refused: not https`, {
      hint: "Use https: plain HTTP is for loopback hosts and for registries configured as insecure.",
    });
  }

  async #exchange(request: SentRequest, isAskedOrigin: boolean): Promise<Answer> {
    const startedAt = performance.now();
    const publish = (outcome: Pick<HttpExchange, "status" | "failure">): void => {
      if (!httpExchanges.hasSubscribers) return;
      const { method, url } = request;
      const seen: HttpExchange = { method, url: describeUrl(url), ms: performance.now() - startedAt, ...outcome };
      httpExchanges.publish(seen);
    };
    try {
      const message = await this.#exchangeOnce(request, isAskedOrigin);
      publish({ status: message.statusCode });
      return message;
    } catch (error) {
      publish({ failure: systemCode(error instanceof StaleConnection ? error.cause : error) || "failed" });
      throw error;
    }
  }

  /** @returns undefined for a request that `fetch` may not send, as `HttpConnections` says, and for one whose body shows progress in parts */
  async #fetch(request: SentRequest, isAskedOrigin: boolean): Promise<Answer | undefined> {
    if (!hasFetchedForm(request)) return undefined;
    const roots = await this.#connections.rootsForFetch(request.url, isAskedOrigin);
    if (roots === undefined) return undefined;
    const patienceMs = request.patienceMs ?? this.#patienceMs;
    return await fetchExchange({ request, ...roots, patienceMs, running: this.#fetching });
  }

  async #exchangeOnce(request: SentRequest, isAskedOrigin: boolean): Promise<Answer> {
    const fetched = canFetch ? await this.#fetch(request, isAskedOrigin) : undefined;
    if (fetched !== undefined) return fetched;
    // a kept connection that the server has just closed would take a passing body with it
    const isKept = !isPassing(request.body);
    const route = await this.#connections.route(request.url, { isAskedOrigin, isKept });
    let opened: { reusedSocket: boolean } | undefined;
    try {
      const message = await exchange({
        url: request.url,
        method: request.method,
        headers: { ...request.headers, ...route.headers },
        body: request.body instanceof Uint8Array ? request.body : request.body?.open(),
        signal: request.signal,
        agent: route.agent,
        connection: route.connection,
        patienceMs: request.patienceMs ?? this.#patienceMs,
        open: (options) => (opened = route.open(options)),
      });
      return answerOf(message);
    } catch (error) {
      const code = systemCode(error);
      const isStale = opened?.reusedSocket === true && (code === "ECONNRESET" || code === "EPIPE");
      throw isStale ? new StaleConnection("the kept connection was closed", { cause: error }) : error;
    }
  }
}

/** The server closed a kept connection just as a request was sent on it; this is no refusal. */
class StaleConnection extends Error {}
