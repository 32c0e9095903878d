/**
 * A running trust server, read as its clients read it. Its answers are bounded here and verified by the caller.
 *
 * `transfer/` joins client and server, which do not know each other: it reads with the client's connections and writes into the server's
 * storage.
 */

import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";
import { NetworkError } from "../errors.ts";
import { Authenticator } from "../registry/authentication.ts";
import { loadHostCertificates } from "../docker-config/certificate-directory.ts";
import type { CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
import { HttpClient } from "../http/client/http-client.ts";
import type { Change } from "../server/storage/change.ts";
import { checkedServerUrl } from "../trust/trust-server/server-url.ts";
import { TrustServerClient } from "../trust/trust-server/trust-server-client.ts";
import { changefeedMalformed, changesIn } from "./changefeed-page.ts";

/** How to reach it. Nothing is read from the process. */
export interface RunningServerOptions {
  readonly url: string;
  /** for `tls/` */
  readonly dockerConfigDir: string;
  /** the environment: proxies, and what credential helpers inherit */
  readonly env: Environment;
  readonly credentials: CredentialSource;
  readonly now: () => Date;
  readonly signal?: AbortSignal | undefined;
  /** also accept plain http, on loopback only */
  readonly allowPlainHttpLoopback?: boolean;
}

const changesAtOnce = 1000;
const maxFeedBytes = 4 * 1024 * 1024;
/** Of one changefeed: a line is a publication. */
const maxChanges = 1_000_000;
const maxErrorBytes = 64 * 1024;

/** Reads from one running server. Close it when done. */
export class RunningTrustServer {
  readonly url: string;
  readonly #options: RunningServerOptions;
  readonly #http: HttpClient;

  private constructor(url: string, options: RunningServerOptions, http: HttpClient) {
    this.url = url;
    this.#options = options;
    this.#http = http;
  }

  /** @throws UsageError `TRUST_SERVER_URL_INVALID`, `FILE_UNREADABLE` (TLS files) */
  static async open(options: RunningServerOptions): Promise<RunningTrustServer> {
    const url = checkedServerUrl(options.url, options);
    const tls = await loadHostCertificates([join(options.dockerConfigDir, "tls")], new URL(url).host);
    return new RunningTrustServer(url, options, new HttpClient({ tls, proxyEnv: options.env }));
  }

  /** The files of one collection. */
  collection(gun: string): TrustServerClient {
    const authenticator = this.#authenticator(loginTarget(gun));
    return new TrustServerClient({
      url: this.url,
      gun,
      send: async (request) => await authenticator.request(request, `repository:${gun}:pull`),
      ...this.#signal,
    });
  }

  /**
   * Its changefeed, oldest first: all of it, or one collection's part.
   *
   * @throws NetworkError `RESPONSE_MALFORMED`, `RESPONSE_TOO_LARGE`, `AUTHENTICATION_REQUIRED`, `AUTHENTICATION_REFUSED`, `TRUST_SERVER_ERROR`, and
   *   what a connection throws
   */
  async changes(gun?: string): Promise<readonly Change[]> {
    const changes: Change[] = [];
    for (let after = 0; ;) {
      const page = await this.#changesAfter(after, gun);
      const last = page.at(-1);
      if (changes.length + page.length > maxChanges)
        throw changefeedMalformed(this.url, `it has more than ${maxChanges} records`);
      changes.push(...page);
      if (last === undefined) return changes;
      after = last.id;
    }
  }

  /** Names of the collections in its changefeed that were not deleted since. @throws as {@link changes} */
  async guns(): Promise<readonly string[]> {
    const guns = new Set<string>();
    for (const { gun, category } of await this.changes()) {
      if (category === "deletion") guns.delete(gun);
      else guns.add(gun);
    }
    return [...guns].toSorted();
  }

  close(): void {
    this.#http.close();
  }

  get #signal(): { signal?: AbortSignal } {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }

  #authenticator(target: LoginTarget): Authenticator {
    const { credentials, now } = this.#options;
    return new Authenticator(this.#http, {
      credentials: (signal) => credentials(target, signal),
      registry: target.registry,
      now,
    });
  }

  async #changesAfter(after: number, gun: string | undefined): Promise<readonly Change[]> {
    const path = gun === undefined ? "_trust/changefeed" : `${gun}/_trust/changefeed`;
    const url = new URL(`${this.url}/v2/${path}?records=${changesAtOnce}&change_id=${after}`);
    const scope = gun === undefined ? "registry:catalog:*" : `repository:${gun}:pull`;
    const target = gun === undefined ? { registry: url.host } : loginTarget(gun);
    const response = await this.#authenticator(target).request({ method: "GET", url, ...this.#signal }, scope);
    if (response.status !== 200) {
      await response.bytes(maxErrorBytes);
      throw feedRefused(this.url, response.status);
    }
    const changes = changesIn(await response.bytes(maxFeedBytes), this.url);
    let previous = after;
    for (const { id, gun: told } of changes) {
      if (gun !== undefined && told !== gun)
        throw changefeedMalformed(this.url, `change ${id} of ${gun} is one of ${told}`);
      // a feed that goes round in circles would never end
      if (id <= previous) throw changefeedMalformed(this.url, `change ${id} comes after change ${previous}`);
      previous = id;
    }
    return changes;
  }
}

/** A repository's login is that of its registry, or of a path in it. */
function loginTarget(gun: string): LoginTarget {
  const [registry = gun, ...path] = gun.split("/");
  return { registry, repository: path.join("/") };
}

function feedRefused(url: string, status: number): NetworkError {
  const code = status === 401 || status === 403 ? "AUTHENTICATION_REFUSED" : "TRUST_SERVER_ERROR";
  return new NetworkError(code, `${url} does not show its changefeed: status ${status}`, {
    status,
    hint: "Name the repositories instead.",
  });
}
