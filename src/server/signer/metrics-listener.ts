/** The door that Prometheus comes through: plain HTTP, one page, nothing else. */

import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { TagsealError } from "../../errors.ts";

/** A door that is open. */
export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

const maxConnections = 16;
const timeoutMs = 10_000;

/**
 * Answers `GET /metrics`.
 *
 * @param port 0 takes a free one
 * @throws TagsealError `SERVER_CONFIGURATION` when the address cannot be used
 */
export async function openMetricsListener(
  { host, port }: { readonly host: string; readonly port: number },
  page: () => Promise<string>,
): Promise<MetricsListener> {
  const timeouts = { headersTimeout: timeoutMs, requestTimeout: timeoutMs, keepAliveTimeout: timeoutMs };
  const server = createServer({ ...timeouts, maxHeaderSize: 8192 }, answering(page)).setTimeout(timeoutMs);
  server.maxConnections = maxConnections;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(port, host, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot listen on ${host}:${port}`, {
      cause,
      hint: "Choose another address or port for metrics.http_addr, or stop what uses this one.",
    });
  }
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function answering(page: () => Promise<string>): RequestListener {
  return (request, response) => {
    const status = request.url !== "/metrics" ? 404 : request.method === "GET" || request.method === "HEAD" ? 200 : 405;
    if (status !== 200) {
      response.writeHead(status, { Connection: "close" }).end();
      return;
    }
    page().then(
      (text) => response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }).end(text),
      () => response.writeHead(500).end(),
    );
  };
}
