/** Limits the number of connections, in total and per client address. */

import type { Server, Socket } from "node:net";
import { clientKey, type TrustedProxies } from "./client-address.ts";

/** Bounds on connections. */
export interface ConnectionBounds {
  readonly maxConnections: number;
  readonly maxConnectionsPerClient: number;
}

/** Counts for the metrics. */
export interface ConnectionCounts {
  open: number;
  refused: number;
}

/**
 * Closes connections beyond the bounds before anything is read from them. Trusted proxies bring many clients and are limited by the total alone.
 */
export class ConnectionLimit {
  readonly counts: ConnectionCounts = { open: 0, refused: 0 };
  readonly #bounds: ConnectionBounds;
  readonly #proxies: TrustedProxies;
  readonly #onRefused: (address: string) => void;
  readonly #byClient = new Map<string, number>();

  /** @param onRefused called with the address of a client that has too many connections */
  constructor(bounds: ConnectionBounds, proxies: TrustedProxies, onRefused: (address: string) => void = () => {}) {
    this.#bounds = bounds;
    this.#onRefused = onRefused;
    this.#proxies = proxies;
  }

  /** Call this before the server listens. */
  attach(server: Server): void {
    server.maxConnections = this.#bounds.maxConnections;
    server.on("drop", () => (this.counts.refused += 1));
    server.on("connection", (socket: Socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    this.#count(socket);
    const address = socket.remoteAddress;
    if (address === undefined || this.#proxies.has(address)) return;
    if (this.#countOf(clientKey(address), socket) <= this.#bounds.maxConnectionsPerClient) return;
    this.counts.refused += 1;
    this.#onRefused(address);
    socket.destroy();
  }

  #count(socket: Socket): void {
    this.counts.open += 1;
    socket.once("close", () => (this.counts.open -= 1));
  }

  /** The client's connections, this one included. */
  #countOf(client: string, socket: Socket): number {
    const open = (this.#byClient.get(client) ?? 0) + 1;
    this.#byClient.set(client, open);
    socket.once("close", () => {
      const left = (this.#byClient.get(client) ?? 1) - 1;
      if (left === 0) this.#byClient.delete(client);
      else this.#byClient.set(client, left);
    });
    return open;
  }
}
