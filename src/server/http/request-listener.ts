/** The path of a request: route, permission, handler, answer, then metrics and log line. No request can end the process. */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { duringRequest, requestIdHeader } from "../../service/current-request.ts";
import { errorFields, type LogFields, type ServerLog } from "../../service/log.ts";
import { actionOf, type Action, type ActionParts } from "./action.ts";
import { clientKey } from "../../http/server/client-address.ts";
import { clientCertificateOf } from "../../http/server/client-certificate.ts";
import { type Asker, type Authorise, type RefusalCounts } from "../../login/access-request.ts";
import { requireAllowed } from "./authorise.ts";
import { refusalFields, refusalLevel, toWireError } from "./failure.ts";
import { requireGun, requirePrefix } from "./gun.ts";
import type { RateLimits } from "./rate-limit.ts";
import { bodyLength, emptyReply, jsonReply, type Reply } from "./reply.ts";
import { requestIdOf } from "../../http/server/request-id.ts";
import { parseRoute } from "./route.ts";
import type { LockOutLog, UnknownProxies } from "../../http/server/unknown-proxies.ts";
import { WireError, type WireCode } from "./wire-error.ts";

/** What the listener works with. */
export interface ListenerParts extends ActionParts {
  readonly log: ServerLog;
  readonly authorise: Authorise | undefined;
  readonly refusals: RefusalCounts;
  /** names must begin with one of these; none allows every name */
  readonly gunPrefixes: readonly string[];
  readonly rateLimits: RateLimits;
  readonly unknownProxies: UnknownProxies;
  readonly lockOuts: LockOutLog;
  readonly slowness: Slowness;
}

/** How long a client may continue to send after its request was refused unread. */
const lingerMs = 1000;
/** Answers up to this size fit into the buffers of any socket: a client that does not read them blocks nothing. */
const maxBufferedBytes = 65_536;
const maxUserAgentLength = 160;
/** A refused name may have any length. */
const maxGunLength = 255;
/** Lets a client that is refused because of others explain it to the operator. */
const forAllBehindProxy = ", for all clients together of a proxy that the server does not trust";

/** How slowly a client may read an answer. */
export interface Slowness {
  /** time for any answer, however short */
  readonly responseTimeoutMs: number;
  /** gives longer answers more time */
  readonly minBytesPerSecond: number;
}

/** Makes the function that answers requests. */
export function requestListener(parts: ListenerParts): RequestListener {
  return (request, response) => {
    // A failure of the error answer itself has been logged; all that remains is to close the connection.
    new Exchange(parts, request, response).answer().catch(() => response.destroy());
  };
}

class Exchange {
  readonly #parts: ListenerParts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #startedAt = performance.now();
  readonly #client: string | undefined;
  readonly #isUnknownProxy: boolean;
  #action: Action | undefined;
  #asker: Asker = {};
  #gun: string | undefined;
  #madeRequestId: string | undefined;

  constructor(parts: ListenerParts, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#client = parts.trustedProxies.clientOf(request);
    this.#isUnknownProxy = parts.unknownProxies.note(request);
  }

  /** Built only when it is sent. */
  get #requestId(): string {
    return (this.#madeRequestId ??= requestIdOf(this.#request.headers[requestIdHeader]));
  }

  async answer(): Promise<void> {
    try {
      this.#send(await duringRequest({ id: () => this.#requestId }, () => this.#reply()));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #reply(): Promise<Reply> {
    if (this.#request.method === "PATCH") return emptyReply(405);
    const route = parseRoute(this.#request.url ?? "");
    this.#action = route && actionOf(route, this.#request, this.#parts);
    if (route === undefined || this.#action === undefined) throw new WireError("METADATA_NOT_FOUND");
    const gun = "gun" in route ? route.gun : undefined;
    this.#gun = gun;
    this.#requirePace(this.#action);
    this.#requireName(gun, this.#action);
    await this.#requirePermission(gun, this.#action);
    return this.#action.run(
      () => this.#caller(),
      (asker) => this.#noteAsker(asker),
    );
  }

  /** Runs before anything more expensive than finding the route. */
  #requirePace({ pace }: Action): void {
    if (pace === undefined || this.#client === undefined) return;
    const limit = this.#parts.rateLimits[pace];
    try {
      limit?.take(clientKey(this.#client), this.#isUnknownProxy ? forAllBehindProxy : "");
    } catch (error) {
      this.#parts.lockOuts.tell(this.#client, pace === "keys" ? "key requests" : pace, this.#isUnknownProxy);
      throw error;
    }
  }

  async #requirePermission(gun: string | undefined, { access }: Action): Promise<void> {
    const { authorise } = this.#parts;
    if (authorise === undefined || access === undefined) return;
    const { headers, socket } = this.#request;
    const clientCertificate = clientCertificateOf(socket);
    const who = { remoteAddress: this.#client, isUnknownProxy: this.#isUnknownProxy, clientCertificate };
    const asked = { headers, gun, actions: access, ...who };
    const decision = await authorise(asked);
    this.#noteAsker(
      decision.allowed ? { user: decision.user } : { ...decision, refusal: decision.refusal ?? "invalid" },
    );
    requireAllowed(decision, asked);
  }

  #noteAsker({ user, claimedUser, refusal }: Asker): void {
    this.#asker = { user, claimedUser, refusal };
    if (refusal !== undefined) this.#parts.refusals[refusal] += 1;
  }

  #requireName(gun: string | undefined, { operation }: Action): void {
    if (gun === undefined) return;
    requireGun(gun);
    requirePrefix(gun, this.#parts.gunPrefixes, operation === "UpdateTUF");
  }

  #fail(error: unknown): void {
    const wireError = toWireError(error, this.#isReading ? "reading" : "changing");
    const level = refusalLevel(wireError);
    if (level === "error") {
      this.#parts.log.write(level, "request failed", { ...this.#fields(), ...errorFields(error) });
    } else if (this.#action?.refusedAs !== undefined && this.#asker.refusal === undefined) {
      this.#parts.log.write(level, this.#action.refusedAs, { ...this.#evidence(), ...refusalFields(wireError) });
    }
    try {
      this.#send(jsonReply(wireError.status, wireError.toBody(), wireError.headers), wireError.wireCode);
    } catch (cause) {
      this.#parts.log.write("error", "answer could not be sent", { ...this.#fields(), ...errorFields(cause) });
      throw cause;
    }
  }

  #send({ status, headers, body }: Reply, wireCode?: WireCode): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    if (!this.#request.complete) this.#closeAfterwards();
    if (status >= 400 || !this.#isReading) response.setHeader("X-Request-Id", this.#requestId);
    response.writeHead(status, headers);
    if (this.#request.method === "HEAD" || body === "") response.end();
    else if (typeof body === "object" && "latin1" in body) response.end(body.latin1, "latin1");
    else response.end(body);
    const length = bodyLength(body);
    if (length > maxBufferedBytes) this.#hangUpOnSlowReader(length);
    this.#record(status, length, wireCode);
  }

  #hangUpOnSlowReader(length: number): void {
    const response = this.#response;
    const { responseTimeoutMs, minBytesPerSecond } = this.#parts.slowness;
    const allowedMs = responseTimeoutMs + (length * 1000) / minBytesPerSecond;
    const timer = setTimeout(() => response.destroy(), allowedMs).unref();
    response.once("close", () => clearTimeout(timer));
  }

  /** The rest of an upload that was refused is read for a moment, so that the client can read the answer. */
  #closeAfterwards(): void {
    const { socket } = this.#request;
    this.#response.setHeader("Connection", "close");
    this.#request.resume();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }

  #record(status: number, responseBytes: number, wireCode: WireCode | undefined): void {
    const { metrics, log } = this.#parts;
    const durationMs = performance.now() - this.#startedAt;
    const method = this.#request.method ?? "";
    const { refusal, claimedUser } = this.#asker;
    // Clients start without credentials, so this is not worth logging.
    if (refusal !== undefined && refusal !== "missing")
      log.write("info", "access refused", { ...this.#evidence(), claimedUser, refusal, method, path: this.#path });
    if (this.#action?.operation !== undefined) {
      const requestBytes = Number(this.#request.headers["content-length"] ?? 0);
      const { operation } = this.#action;
      metrics.observe({ operation, method, status, durationMs, requestBytes, responseBytes });
    }
    const level = method === "GET" && status < 400 ? "debug" : "info";
    if (!log.writes(level)) return;
    const rounded = Math.round(durationMs * 1000) / 1000;
    log.write(level, "request", { ...this.#fields(), status, wireCode, bytes: responseBytes, durationMs: rounded });
  }

  #fields(): LogFields {
    const { method, headers } = this.#request;
    const userAgent = headers["user-agent"]?.slice(0, maxUserAgentLength);
    return { ...this.#caller(), method, path: this.#path, userAgent };
  }

  /** Without the query, and without the credentials that may stand in a whole URL; bounded, since any client may send 16 KiB of path. */
  get #path(): string | undefined {
    const path = (this.#request.url ?? "").split("?", 1)[0] ?? "";
    return path.replace(/^[^/]*:\/\/[^/]*@/u, "").slice(0, 512);
  }

  get #isReading(): boolean {
    return this.#request.method === "GET" || this.#request.method === "HEAD";
  }

  #evidence(): LogFields {
    return { gun: this.#gun?.slice(0, maxGunLength), ...this.#caller() };
  }

  #caller(): LogFields {
    return { requestId: this.#requestId, remote: this.#client, user: this.#asker.user };
  }
}
