/**
 * HTTP for the registry and trust server clients, over node:http and node:https. It guarantees: a silent or slow peer times
 * out, bodies are bounded by their reader, plain HTTP only where allowed, redirects carry no credentials elsewhere and never leave
 * TLS, an abort signal ends everything at once. It knows nothing about registries, tokens or trust.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type HttpExchange, httpExchanges } from "./trace.ts";
import type { Environment } from "../../environment/environment.ts";
import { NetworkError, systemCode } from "../../errors.ts";
import { collect, type Pace, readBody } from "./response-body.ts";
import { exchange } from "./exchange.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";
import { describeUrl, isUnknownIssuer, networkFailure } from "./network-failure.ts";
import { HttpConnections } from "./http-connections.ts";
import { followsRedirect, redirectLocation, redirectRefused, redirectTarget, withoutIdentity } from "./redirect.ts";
import type { TlsSettings } from "./trusted-roots.ts";
import { defaultUserAgent } from "./user-agent.ts";

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

/** A body that can be read from its source repeatedly: after a challenge, a redirect, a lost connection. */
export interface RepeatableBody {
  /** how many it has */
  readonly bytes: number;
  open(): AsyncIterable<Uint8Array>;
}

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | RepeatableBody;
  /** follows a 307 or 308 with a request other than GET or HEAD, body included; without it such an answer is refused */
  readonly resend?: boolean;
  readonly signal?: AbortSignal;
  /** request a compressed body; the reader's limit counts the decompressed bytes */
  readonly acceptGzip?: boolean;
  /** overrides {@link Timeouts.patienceMs} for work that takes an honest peer longer */
  readonly patienceMs?: number;
}

/** An answer with its headers, whose body is not read yet: call exactly one of `body`, `bytes`, `discard`. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** where the answer came from, after redirects */
  readonly url: URL;
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. @throws NetworkError `RESPONSE_TOO_LARGE` beyond `maxBytes` (decompressed), and as `body` does */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Discards the body; a short one is read so that the connection can be reused. */
  discard(): void;
}

const maxDiscardedBytes = 64 * 1024;

/** A pool of connections with one set of rules. Close it when done. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #patienceMs: number;
  readonly #minBytes: number;
  readonly #connections: HttpConnections;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
    this.#patienceMs = options.timeouts?.patienceMs ?? 9_000;
    this.#minBytes = options.timeouts?.minBytes ?? 8_192;
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
    let headers = this.#headers(request);
    for (let redirects = 0; ; redirects++) {
      const message = await this.#send({ ...request, url, headers }, url.origin === request.url.origin);
      const location = redirectLocation(message);
      if (location === undefined) return this.#response(message, { ...request, url });
      discard(message);
      if (!followsRedirect(request, message.statusCode))
        throw redirectRefused(url, `a ${request.method} is not sent on`);
      const next = redirectTarget(url, location, redirects);
      if (next.origin !== url.origin) headers = withoutIdentity(headers);
      url = next;
    }
  }

  /** Closes all connections, also those in use. */
  close(): void {
    this.#connections.close();
  }

  #headers(request: HttpRequest): Record<string, string> {
    const headers: Record<string, string> = {
      "user-agent": this.#options.userAgent ?? defaultUserAgent,
      "accept-encoding": request.acceptGzip === true ? "gzip" : "identity",
    };
    const { body } = request;
    if (body !== undefined) headers["content-length"] = String(body instanceof Uint8Array ? body.length : body.bytes);
    else if (request.method !== "GET" && request.method !== "HEAD") headers["content-length"] = "0";
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
    return headers;
  }

  async #send(request: HttpRequest, isAskedOrigin: boolean): Promise<IncomingMessage> {
    this.#refusePlainHttp(request.url);
    const isRepeatable = request.body === undefined || request.method === "PUT";
    try {
      return await this.#exchange(request, isAskedOrigin);
    } catch (error) {
      if (isUnknownIssuer(error) && this.#connections.trustAllRoots(request.url.origin)) {
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

  async #exchange(request: HttpRequest, isAskedOrigin: boolean): Promise<IncomingMessage> {
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

  async #exchangeOnce(request: HttpRequest, isAskedOrigin: boolean): Promise<IncomingMessage> {
    const route = await this.#connections.route(request.url, isAskedOrigin);
    let opened: { reusedSocket: boolean } | undefined;
    try {
      return await exchange({
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
    } catch (error) {
      const code = systemCode(error);
      const isStale = opened?.reusedSocket === true && (code === "ECONNRESET" || code === "EPIPE");
      throw isStale ? new StaleConnection("the kept connection was closed", { cause: error }) : error;
    }
  }

  #response(message: IncomingMessage, request: HttpRequest): HttpResponse {
    const pace: Pace = { windowMs: this.#patienceMs, minBytes: this.#minBytes };
    const { url, signal, acceptGzip = false } = request;
    const body = readBody(message, { url, pace, signal, acceptGzip });
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      url,
      body,
      bytes: (maxBytes) =>
        collect(body, maxBytes, url, message.headers["content-length"]).finally(() => closeUnread(message)),
      discard: () => discard(message),
    };
  }
}

/** The server closed a kept connection just as a request was sent on it; this is no refusal. */
class StaleConnection extends Error {}

function discard(message: IncomingMessage): void {
  const announced = Number(message.headers["content-length"] ?? 0);
  if (!(announced <= maxDiscardedBytes)) return void message.destroy();
  const timer = setTimeout(() => message.destroy(), 1_000);
  message.once("close", () => clearTimeout(timer));
  message.resume();
}

function closeUnread(message: IncomingMessage): void {
  if (!message.readableEnded) message.destroy();
}
