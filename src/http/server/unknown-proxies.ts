/** Untrusted proxies that name clients: for every limit, all clients behind one count as a single client. */

import type { IncomingMessage } from "node:http";
import { BoundedMap } from "../../service/bounded-map.ts";
import type { LogFields, ServerLog } from "../../service/log.ts";
import { clientKey, type TrustedProxies } from "./client-address.ts";

/** Addresses remembered; a client that sends the header itself must not fill the log. */
const maxProxies = 16;
const minuteMs = 60_000;
const maxClients = 1000;

/** Further fields of a log line about such an address. */
export const unknownProxyFields: LogFields = {
  proxy: true,
  hint: "The address is that of a proxy: name it in server.trusted_proxies if it is yours, so that limits see the clients behind it.",
};

/** Detects such proxies, and logs each one once. */
export class UnknownProxies {
  /** requests that came through one, or pretended to */
  requests = 0;
  readonly #trusted: TrustedProxies;
  readonly #log: ServerLog;
  readonly #known = new Set<string>();

  constructor(trusted: TrustedProxies, log: ServerLog) {
    this.#trusted = trusted;
    this.#log = log;
  }

  /** True when this request came through one. */
  note(request: Pick<IncomingMessage, "socket" | "headers">): boolean {
    if (!this.#trusted.isUnknown(request)) return false;
    this.requests += 1;
    const address = request.socket.remoteAddress ?? "";
    const key = clientKey(address);
    if (!this.#known.has(key) && this.#known.size < maxProxies) {
      this.#known.add(key);
      this.#log.write("warning", "requests come through a proxy that is not trusted", {
        remote: address,
        hint: unknownProxyFields["hint"],
      });
    }
    return true;
  }

  /** True for an address that such requests came from. */
  has(address: string): boolean {
    return this.#known.has(clientKey(address));
  }
}

/** Logs clients that reached a limit, each at most once a minute. */
export class LockOutLog {
  readonly #log: ServerLog;
  readonly #toldAtMs = new BoundedMap<string, number>(maxClients);

  constructor(log: ServerLog) {
    this.#log = log;
  }

  /** @param limit what the client exceeded */
  tell(address: string | undefined, limit: string, isUnknownProxy: boolean): void {
    const key = `${limit} ${clientKey(address ?? "")}`;
    const now = performance.now();
    if (now - (this.#toldAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < minuteMs) return;
    this.#toldAtMs.set(key, now);
    const more = isUnknownProxy ? unknownProxyFields : {};
    this.#log.write("warning", "a client is locked out", { remote: address, limit, ...more });
  }
}
