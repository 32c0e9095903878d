/** Connections through an HTTP proxy with CONNECT: the proxy sees only the host's name and encrypted bytes. */
import { request as plainRequest, type RequestOptions } from "node:http";
import { Agent, type AgentOptions, request as tlsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";
import { NetworkError } from "../../errors.ts";
import { networkFailure, timeoutFailure } from "./network-failure.ts";
import { proxyAuthorization } from "./proxy.ts";

/** An agent whose TLS connections go through `proxy`. */
export function createTunnelAgent(options: AgentOptions, proxy: URL, patienceMs: number): Agent {
  return new TunnelAgent(options, proxy, patienceMs);
}

class TunnelAgent extends Agent {
  readonly #proxy: URL;
  readonly #patienceMs: number;

  constructor(options: AgentOptions, proxy: URL, patienceMs: number) {
    super(options);
    this.#proxy = proxy;
    this.#patienceMs = patienceMs;
  }

  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const target = `${options.host?.includes(":") === true ? `[${options.host}]` : options.host}:${options.port}`;
    openTunnel(this.#proxy, target, this.#patienceMs).then(
      // `host` stays: the certificate is checked for it where there is no name to send, that is, for addresses
      (socket) =>
        done?.(
          null,
          connect({ ...options, host: options.host ?? undefined, port: undefined, path: undefined, socket }),
        ),
      (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error)), undefined as never),
    );
    return undefined;
  }
}

function openTunnel(proxy: URL, target: string, patienceMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const authorization = proxyAuthorization(proxy);
    const open = proxy.protocol === "https:" ? tlsRequest : plainRequest;
    const request = open({
      host: proxy.hostname.replace(/^\[|\]$/g, ""),
      port: proxy.port || (proxy.protocol === "https:" ? 443 : 80),
      method: "CONNECT",
      path: target,
      agent: false,
      headers: { host: target, ...(authorization === undefined ? {} : { "proxy-authorization": authorization }) },
    });
    const giveUp = (): void => void request.destroy(timeoutFailure(proxy, `the proxy to reach ${target}`, patienceMs));
    const timer = setTimeout(giveUp, patienceMs);
    request.once("connect", (message, socket) => {
      clearTimeout(timer);
      if (message.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(refusedByProxy(proxy, target, message.statusCode));
    });
    request.once("response", (message) => {
      clearTimeout(timer);
      message.destroy();
      reject(refusedByProxy(proxy, target, message.statusCode));
    });
    request.once("error", (error) => {
      clearTimeout(timer);
      reject(unreachableProxy(proxy, target, error));
    });
    request.end();
  });
}

function unreachableProxy(proxy: URL, target: string, error: Error): NetworkError {
  if (error instanceof NetworkError) return error;
  const { code, message } = networkFailure(error, proxy);
  return new NetworkError(code, `no way to ${target} through the proxy ${proxy.host}: ${message}`, {
    cause: error,
    hint: "Check HTTPS_PROXY and NO_PROXY.",
  });
}

function refusedByProxy(proxy: URL, target: string, status = 0): NetworkError {
  return new NetworkError(
    "NETWORK_UNREACHABLE",
    `the proxy ${proxy.host} refused to connect to ${target}: status ${status}`,
    {
      status,
      hint: "Check HTTPS_PROXY and NO_PROXY.",
    },
  );
}
