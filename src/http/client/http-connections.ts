/** The connections of a client, kept by origin, proxy and TLS settings, and the way to each origin: direct, or through a proxy. */

import type { Agent, RequestOptions } from "node:http";
import type { AgentOptions } from "node:https";
import type { Environment } from "../../environment/environment.ts";
import { namesProxy, proxyAuthorization, proxyFor } from "./proxy.ts";
import { allRoots, firstRoots, type TlsSettings } from "./trusted-roots.ts";

/** How to connect, as `HttpClientOptions` documents it. */
export interface ConnectionRules {
  readonly tls?: TlsSettings | ((host: string) => TlsSettings);
  readonly proxyEnv?: Environment;
  /** longest wait for a proxy's answer */
  readonly patienceMs: number;
}

/** How a request reaches its origin. */
export interface Route {
  readonly agent: Agent;
  readonly open: typeof import("node:http").request;
  readonly connection: RequestOptions;
  /** for the proxy */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a connection is for. */
export interface RouteUse {
  /** false after a redirect to another origin */
  readonly isAskedOrigin: boolean;
  /** false for a new connection that ends with its request */
  readonly isKept: boolean;
}

interface WantedAgent extends RouteUse {
  readonly url: URL;
  readonly proxy: URL | undefined;
  /** for connections without a proxy, or without TLS */
  readonly DirectAgent: new (options: AgentOptions) => Agent;
}

/** A pool of connections. Close it when done. */
export class HttpConnections {
  readonly #rules: ConnectionRules;
  /** connections by origin, proxy and TLS settings */
  readonly #agents = new Map<string, Agent>();
  /** origins whose issuer was found only among all roots */
  readonly #needsAllRoots = new Set<string>();

  constructor(rules: ConnectionRules) {
    this.#rules = rules;
  }

  /** The way to the origin of a URL. */
  async route(url: URL, use: RouteUse): Promise<Route> {
    const isTls = url.protocol === "https:";
    const { proxyEnv } = this.#rules;
    const proxy = proxyEnv === undefined ? undefined : proxyFor(url, proxyEnv);
    const { request: open, Agent: DirectAgent } = isTls ? await import("node:https") : await import("node:http");
    const agent = await this.#agentFor({ url, proxy, ...use, DirectAgent });
    if (!isTls && proxy !== undefined) return plainProxyRoute(url, proxy, agent, open);
    const connection = {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port || (isTls ? 443 : 80),
      path: url.pathname + url.search,
    };
    return { agent, open, connection, headers: {} };
  }

  /**
   * The roots to trust for a request that `fetch` may send: one without a proxy, a client certificate or a waived check. `fetch` reads proxies from the
   * environment by rules of another kind, so there must be none at all.
   *
   * @returns undefined for a request that needs a {@link route}
   */
  async rootsForFetch(url: URL, isAskedOrigin: boolean): Promise<{ readonly ca?: AgentOptions["ca"] } | undefined> {
    const { proxyEnv } = this.#rules;
    if (proxyEnv === undefined || namesProxy(proxyEnv) || url.username !== "") return undefined;
    if (url.protocol !== "https:") return {};
    const { ca, cert, rejectUnauthorized } = await this.#tlsOptions(url, isAskedOrigin);
    if (cert !== undefined || rejectUnauthorized === false) return undefined;
    return ca === undefined ? {} : { ca };
  }

  /** Tries all roots for this origin from now on. @returns false when they were tried already */
  trustAllRoots(origin: string): boolean {
    if (this.#needsAllRoots.has(origin)) return false;
    this.#needsAllRoots.add(origin);
    return true;
  }

  /** Closes all connections, also those in use. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #agentFor({ url, proxy, isAskedOrigin, isKept, DirectAgent }: WantedAgent): Promise<Agent> {
    const key = [url.origin, proxy?.href ?? "", isAskedOrigin, isKept, this.#needsAllRoots.has(url.origin)].join(" ");
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const isTls = url.protocol === "https:";
    const settings = isTls ? await this.#tlsOptions(url, isAskedOrigin) : {};
    const pooled = { keepAlive: isKept, maxFreeSockets: 8, ...settings };
    const agent =
      isTls && proxy !== undefined ? await tunnelAgent(pooled, proxy, this.#rules.patienceMs) : new DirectAgent(pooled);
    // Another first request to this origin may have been faster.
    const other = this.#agents.get(key);
    if (other !== undefined) return other;
    this.#agents.set(key, agent);
    return agent;
  }

  async #tlsOptions(url: URL, isAskedOrigin: boolean): Promise<AgentOptions> {
    const { tls = {} } = this.#rules;
    const given = typeof tls === "function" ? tls(url.host) : tls;
    // a redirect may lead anywhere: the client certificate and a waived check are only for the requested host
    const settings = isAskedOrigin || typeof tls === "function" ? given : { ca: given.ca ?? [] };
    const ca = this.#needsAllRoots.has(url.origin) ? await allRoots(settings) : firstRoots(settings);
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(settings.cert === undefined ? {} : { cert: settings.cert }),
      ...(settings.key === undefined ? {} : { key: settings.key }),
      ...(settings.insecure === true ? { rejectUnauthorized: false } : {}),
    };
  }
}

async function tunnelAgent(options: AgentOptions, proxy: URL, patienceMs: number): Promise<Agent> {
  const { createTunnelAgent } = await import("./tunnel.ts");
  return createTunnelAgent(options, proxy, patienceMs);
}

/** A plain request goes to the proxy with the complete URL in its first line. */
function plainProxyRoute(url: URL, proxy: URL, agent: Agent, open: Route["open"]): Route {
  const authorization = proxyAuthorization(proxy);
  return {
    agent,
    open,
    connection: { host: proxy.hostname, port: proxy.port || 80, path: url.origin + url.pathname + url.search },
    headers: { host: url.host, ...(authorization === undefined ? {} : { "proxy-authorization": authorization }) },
  };
}
