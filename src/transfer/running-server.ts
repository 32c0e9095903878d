/**
 * A running trust server, read as its clients read it. Its answers are bounded here and verified by the caller.
 *
 * `transfer/` joins client and server, which do not know each other: it reads with the client's connections and writes into the server's
 * storage.
 */

import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";
import { isJsonObject, parseOrdinaryJson, type JsonValue } from "../encoding/json.ts";
import { hasCode, NetworkError } from "../errors.ts";
import { Authenticator } from "../registry/authentication.ts";
import { loadHostCertificates } from "../docker-config/certificate-directory.ts";
import type { CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
import { HttpClient } from "../http/client/http-client.ts";
import { gunFault } from "../server/http/gun.ts";
import type { Change } from "../server/storage/metadata-store.ts";
import { checkedServerUrl } from "../trust/trust-server/server-url.ts";
import { TrustServerClient } from "../trust/trust-server/trust-server-client.ts";
import { highestVersion } from "../tuf/collection-draft.ts";

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
      if (changes.length + page.length > maxChanges) throw this.#malformed(`it has more than ${maxChanges} records`);
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
    const changes = this.#parsed(await response.bytes(maxFeedBytes));
    let previous = after;
    for (const { id, gun: told } of changes) {
      if (gun !== undefined && told !== gun) throw this.#malformed(`change ${id} of ${gun} is one of ${told}`);
      // a feed that goes round in circles would never end
      if (id <= previous) throw this.#malformed(`change ${id} comes after change ${previous}`);
      previous = id;
    }
    return changes;
  }

  #parsed(bytes: Uint8Array): readonly Change[] {
    const answer = json(bytes);
    const records = isJsonObject(answer) ? (answer["records"] ?? []) : undefined;
    if (!Array.isArray(records)) throw this.#malformed("it has no list of records");
    return records.map((record: JsonValue) => this.#change(record));
  }

  #change(record: JsonValue): Change {
    const { ID, CreatedAt, GUN, Version, SHA256, Category } = isJsonObject(record) ? record : {};
    const id = typeof ID === "string" && /^\d{1,15}$/u.test(ID) ? Number(ID) : 0;
    const createdAt = new Date(typeof CreatedAt === "string" ? CreatedAt : Number.NaN);
    if (typeof GUN !== "string" || gunFault(GUN) !== undefined)
      throw this.#malformed(`change ${id} names no repository`);
    if (typeof Version !== "number" || Number.isNaN(createdAt.getTime()) || id === 0)
      throw this.#malformed("a record has no ID, time or version");
    const sha256 = typeof SHA256 === "string" ? SHA256.trim() : "";
    if (!Number.isInteger(Version) || Version < 0 || Version > highestVersion)
      throw this.#malformed(`change ${id} has an invalid version`);
    if (Category === "deletion") return { id, createdAt, gun: GUN, version: 0, sha256: "", category: "deletion" };
    if (/^[0-9a-f]{64}$/u.test(sha256))
      return { id, createdAt, gun: GUN, version: Version, sha256, category: "update" };
    throw this.#malformed(`change ${id} has no hash`);
  }

  #malformed(reason: string): NetworkError {
    return new NetworkError("RESPONSE_MALFORMED", `the changefeed of ${this.url} cannot be used: ${reason}`);
  }
}

function json(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseOrdinaryJson(bytes);
  } catch (error) {
    if (hasCode(error, "JSON_MALFORMED")) return undefined;
    throw error;
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
