/** Connects to the first suitable server: with several hosts, the next one takes over. */

import { hasCode, TagsealError } from "../../../errors.ts";
import { answeredWithin } from "../../../service/answered-within.ts";
import type { DatabaseAddress, DatabaseHost } from "./database-address.ts";
import type { TlsConnection } from "./database-tls.ts";
import type { SqlConnection, SqlEngine } from "./sql-engine.ts";

/** How long a failed host is tried after the others. */
const avoidMs = 10_000;
/** How long a failure is reused: an unreachable server must not cost every request a timeout. */
const rememberFailureMs = 500;

/** The location of a database, and how connections to it are protected. */
export interface DatabasePlace {
  readonly address: DatabaseAddress;
  readonly tls: TlsConnection;
}

/** Chooses the host of a database to connect to. */
export class Failover {
  readonly #engine: SqlEngine;
  readonly #address: DatabaseAddress;
  readonly #tls: TlsConnection;
  readonly #timeoutMs: number;
  readonly #avoidUntil = new Map<DatabaseHost, number>();
  readonly #hosts = new WeakMap<SqlConnection, DatabaseHost>();
  #failure: { readonly error: unknown; readonly until: number } | undefined;

  constructor(engine: SqlEngine, { address, tls }: DatabasePlace, timeoutMs: number) {
    this.#engine = engine;
    this.#tls = tls;
    this.#address = address;
    this.#timeoutMs = timeoutMs;
  }

  /** A connection to a server that can commit. @throws TagsealError `STORAGE_FAILED` when there is none now */
  async connectToPrimary(): Promise<SqlConnection> {
    if (this.#failure !== undefined && performance.now() < this.#failure.until) throw this.#failure.error;
    try {
      const connection = await this.#firstOf((host) => this.#connect(host, false));
      this.#failure = undefined;
      return connection;
    } catch (error) {
      this.#failure = { error, until: performance.now() + rememberFailureMs };
      throw error;
    }
  }

  /** A connection to any server that answers, even with old data. @throws TagsealError `STORAGE_FAILED` */
  connectToAny(): Promise<SqlConnection> {
    return this.#firstOf((host) => this.#connect(host, true));
  }

  /** Call this when a connection broke or did not answer. */
  avoid(connection: SqlConnection): void {
    const host = this.#hosts.get(connection);
    if (host !== undefined) this.#avoidUntil.set(host, performance.now() + avoidMs);
  }

  async #firstOf(connect: (host: DatabaseHost) => Promise<SqlConnection>): Promise<SqlConnection> {
    const failures: unknown[] = [];
    for (const host of this.#inOrder()) {
      try {
        const connection = await connect(host);
        this.#avoidUntil.delete(host);
        return connection;
      } catch (error) {
        if (hasCode(error, "SERVER_CONFIGURATION")) throw error;
        this.#avoidUntil.set(host, performance.now() + avoidMs);
        failures.push(error);
      }
    }
    throw unreachable(this.#address, failures);
  }

  /** In the configured order, except that recently failed hosts come last. */
  #inOrder(): readonly DatabaseHost[] {
    const now = performance.now();
    const isAvoided = (host: DatabaseHost): boolean => (this.#avoidUntil.get(host) ?? 0) > now;
    const { hosts } = this.#address;
    return [...hosts.filter((host) => !isAvoided(host)), ...hosts.filter(isAvoided)];
  }

  async #connect(host: DatabaseHost, allowStale: boolean): Promise<SqlConnection> {
    const connection = await this.#open(host, allowStale);
    this.#hosts.set(connection, host);
    if (connection.isPrimary || allowStale) return connection;
    connection.close();
    throw new TagsealError("STORAGE_FAILED", `${nameOf(host)} is cut off from its cluster, or only a standby`);
  }

  /** Drivers stop their timeout at the first byte; a server may hang after that. */
  async #open(host: DatabaseHost, allowStale: boolean): Promise<SqlConnection> {
    const timeoutMs = this.#timeoutMs;
    const tls = await this.#tls();
    const opening = this.#engine.connect({ host, address: this.#address, tls, timeoutMs, allowStale });
    const late = (): TagsealError => {
      opening.then(
        (connection) => connection.close(),
        () => {}, // nothing to close
      );
      return new TagsealError("STORAGE_FAILED", `${nameOf(host)} does not answer`);
    };
    return answeredWithin(opening, timeoutMs, late);
  }
}

function nameOf(host: DatabaseHost): string {
  return "socketPath" in host ? host.socketPath : `${host.host}:${host.port}`;
}

function unreachable({ display }: DatabaseAddress, failures: readonly unknown[]): TagsealError {
  const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  return new TagsealError("STORAGE_FAILED", `Cannot use ${display}: ${[...new Set(reasons)].join("; ")}`, {
    cause: failures.at(-1),
    hint: "Check that the database runs, and the address, account and TLS settings the server was given for it.",
  });
}
