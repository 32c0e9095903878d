/** The listener of a server: opened on an address, with bounds on slow clients, and closed without cutting off what is under way. */

import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions as HttpServerOptions,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TagsealError } from "../../errors.ts";
import type { ServerTls } from "./tls.ts";

/** How long clients may take, in milliseconds. */
export interface ListenerTimeouts {
  /** until the headers of a request have arrived */
  readonly headersTimeoutMs: number;
  /** until a request has arrived with its body; 0 for without end */
  readonly requestTimeoutMs: number;
  /** without a byte in either direction */
  readonly idleTimeoutMs: number;
}

/** Makes a server that does not listen yet. @param tls undefined for plain HTTP */
export function makeListener(listener: RequestListener, limits: ListenerTimeouts, tls: ServerTls | undefined): Server {
  const timeouts = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: Math.min(30_000, limits.idleTimeoutMs),
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  };
  return createServer(tls, timeouts, listener).setTimeout(limits.idleTimeoutMs);
}

function createServer(tls: ServerTls | undefined, timeouts: HttpServerOptions, listener: RequestListener): Server {
  if (tls === undefined) return createHttpServer(timeouts, listener);
  const handshake = timeouts.headersTimeout === undefined ? {} : { handshakeTimeout: timeouts.headersTimeout };
  const server = createHttpsServer({ ...timeouts, ...tls.options, ...handshake }, listener);
  tls.attach(server);
  return server;
}

/** Listens. @throws TagsealError `SERVER_CONFIGURATION` for an address that cannot be used */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen({ host, port, backlog: 1024 }, listening.resolve);
  try {
    await listening.promise;
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot listen on ${host}:${port}`, {
      cause,
      hint: "Choose another address or port, or stop what uses this one.",
    });
  }
}

/** The address of a listening server, with its actual port and without a final slash. */
export function listenerUrl(server: Server, host: string, isSecure: boolean): string {
  const { port } = server.address() as AddressInfo; // listening on TCP
  return `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Stops accepting connections and waits for the requests under way; closes what is open after `patienceMs`. */
export async function closeListener(server: Server, patienceMs: number): Promise<void> {
  const ended = Promise.withResolvers<void>();
  server.close(() => ended.resolve());
  // Repeated: a connection whose last answer was just sent would be kept for the next request.
  const tidying = setInterval(() => server.closeIdleConnections(), 20);
  const impatience = setTimeout(() => server.closeAllConnections(), patienceMs);
  await ended.promise;
  clearInterval(tidying);
  clearTimeout(impatience);
}
