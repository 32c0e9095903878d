/** The listener for Prometheus and probes: plain HTTP, three pages, nothing else. */

import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { TagsealError } from "../../errors.ts";
import type { Faults } from "../../service/faults.ts";
import type { SignerMetrics } from "./signer-metrics.ts";

/** A running listener. */
export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

const json = "application/json; charset=utf-8";
const maxConnections = 16;
const timeoutMs = 10_000;

/**
 * Answers `GET /metrics`, and `/_tagseal/live` and `/_tagseal/ready` as a trust server does.
 *
 * @param port 0 takes a free one
 * @throws TagsealError `SERVER_CONFIGURATION` when the address cannot be used
 */
export async function openMetricsListener(
  { host, port }: { readonly host: string; readonly port: number },
  metrics: Pick<SignerMetrics, "toText">,
  faults: Faults,
): Promise<MetricsListener> {
  const timeouts = { headersTimeout: timeoutMs, requestTimeout: timeoutMs, keepAliveTimeout: timeoutMs };
  const server = createServer({ ...timeouts, maxHeaderSize: 8192 }, answering(pagesOf(metrics, faults))).setTimeout(
    timeoutMs,
  );
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

interface Page {
  readonly type: string;
  readonly text: () => string | Promise<string>;
}

type Pages = ReadonlyMap<string | undefined, Page>;

function pagesOf(metrics: Pick<SignerMetrics, "toText">, faults: Faults): Pages {
  return new Map([
    ["/metrics", { type: "text/plain; version=0.0.4; charset=utf-8", text: () => metrics.toText() }],
    ["/_tagseal/live", { type: json, text: () => '{"status":"live"}' }],
    ["/_tagseal/ready", { type: json, text: () => readiness(faults) }],
  ]);
}

/** A signer with a fault continues to sign what it can: it is degraded, never unready. */
function readiness(faults: Faults): string {
  const reasons = faults.reasons();
  return JSON.stringify({ status: Object.keys(reasons).length === 0 ? "ready" : "degraded", reasons });
}

function answering(pages: Pages): RequestListener {
  return (request, response) => {
    const page = pages.get(request.url);
    const status = page === undefined ? 404 : request.method === "GET" || request.method === "HEAD" ? 200 : 405;
    if (page === undefined || status !== 200) {
      response.writeHead(status, { Connection: "close" }).end();
      return;
    }
    Promise.resolve(page.text()).then(
      (text) => response.writeHead(200, { "Content-Type": page.type }).end(text),
      () => response.writeHead(500).end(),
    );
  };
}
