/** PostgreSQL, through `pg`. */

import type { Client, ClientConfig, QueryResultRow } from "pg";
import { TagsealError } from "../../../errors.ts";
import { answeredWithin } from "../../../service/answered-within.ts";
import { loadPackage } from "./optional-package.ts";
import { queryBuilder } from "./query-builder.ts";
import type { ConnectRequest, SqlConnection, SqlEngine, SqlResult, Statement, Trouble } from "./sql-engine.ts";

type Driver = (typeof import("pg"))["default"];

const sessionTimeoutMs = 10_000;
/** PostgreSQL's number for the type bigint */
const int8 = 20;
/** bounds inside the server, for statements whose client has disconnected */
const serverTimeouts = {
  statement_timeout: 60_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 60_000,
};

/**
 * Loads the driver.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not installed
 */
export async function loadPostgresEngine(): Promise<SqlEngine> {
  const { default: driver } = await loadPackage("pg", () => import("pg"));
  return {
    name: "postgres",
    queries: await queryBuilder((kysely) => ({
      adapter: kysely.PostgresAdapter,
      introspector: kysely.PostgresIntrospector,
      compiler: kysely.PostgresQueryCompiler,
    })),
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
    isPrimaryNow: "NOT pg_is_in_recovery()",
    clock: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms",
    canRollBackDdl: true,
    canChainChanges: true,
    connect: (request) => connect(driver, request),
    lockMigration,
    troubleOf,
    isMissingTable: (error) => sqlStateOf(error) === "42P01",
    inspect,
  };
}

async function connect(driver: Driver, request: ConnectRequest): Promise<SqlConnection> {
  const client = new driver.Client(clientConfig(driver, request));
  const connection = new PostgresConnection(client);
  try {
    await client.connect();
    await connection.begin();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function clientConfig(driver: Driver, { host, address, tls, timeoutMs }: ConnectRequest): ClientConfig {
  return {
    ...("socketPath" in host ? { host: host.socketPath } : host),
    ...(address.user !== undefined && { user: address.user }),
    ...(address.password !== undefined && { password: address.password }),
    database: address.database,
    ssl: tls ?? false,
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    application_name: "tagseal",
    ...serverTimeouts,
    types: {
      // All bigint values of this schema are far below 2^53.
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === int8 ? Number : driver.types.getTypeParser(oid, format),
    },
  };
}

/** Statements that one connection has prepared; there are a few dozen, and lists of different lengths make some more. */
const maxPrepared = 200;

class PostgresConnection implements SqlConnection {
  /** A transaction that was rolled back takes no further statement. */
  readonly guard = { begun: [], ending: [] };
  readonly #client: Client;
  /** names of prepared statements by their texts: the server reads and plans each of them once */
  readonly #prepared = new Map<string, string>();
  #isOpen = true;
  #isPrimary = true;

  constructor(client: Client) {
    this.#client = client;
    // Reported while no query is pending: the next user of this connection must not receive the error.
    client.on("error", () => (this.#isOpen = false));
    client.on("end", () => (this.#isOpen = false));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isPrimary(): boolean {
    return this.#isPrimary;
  }

  /** An acknowledged commit has reached the disk, whatever the server's default is. */
  async begin(): Promise<void> {
    const text = `SELECT pg_is_in_recovery() AS standby, CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END AS synchronous_commit`;
    const asked = this.#client.query<{ standby: boolean }>(text);
    const { rows } = await answeredWithin(asked, sessionTimeoutMs, () => new Error("no answer in time"));
    this.#isPrimary = rows[0]?.standby === false;
  }

  async run<Row>({ sql, parameters }: Statement<Row>, timeoutMs: number): Promise<SqlResult<Row>> {
    try {
      const name = parameters.length === 0 ? undefined : this.#nameOf(sql);
      const query = { text: sql, values: [...parameters], ...(name !== undefined && { name }) };
      const asked = this.#client.query<Row & QueryResultRow>(query);
      const { rows, rowCount } = await answeredWithin(asked, timeoutMs, () => new Error("no answer in time"));
      return { rows, affected: rowCount ?? 0 };
    } catch (error) {
      if (troubleOf(error) === "unavailable") this.close();
      throw error;
    }
  }

  #nameOf(sql: string): string | undefined {
    const known = this.#prepared.get(sql);
    if (known !== undefined || this.#prepared.size >= maxPrepared) return known;
    const name = `tagseal_${this.#prepared.size}`;
    this.#prepared.set(sql, name);
    return name;
  }

  close(): void {
    this.#isOpen = false;
    this.#client.end().catch(() => (this.#isOpen = false)); // it was already lost
  }
}

/** An arbitrary number that only Tagseal uses in a database. */
async function lockMigration(connection: SqlConnection): Promise<void> {
  // The other replica's migration may take longer than the usual lock timeout.
  await connection.run({ sql: "SET LOCAL lock_timeout = 0", parameters: [] }, sessionTimeoutMs);
  await connection.run({ sql: "SELECT pg_advisory_xact_lock(8390876131428751)", parameters: [] }, 120_000);
}

/** PostgreSQL documentation, appendix A: the errors of a transaction that lost against another one. */
const contention: ReadonlySet<string> = new Set([
  "23505", // unique_violation
  "40001", // serialization_failure
  "40P01", // deadlock_detected
  "55P03", // lock_not_available: waited too long
]);

/** The errors of a server that is stopping, starting, full or only a standby. Class 08 is the connection itself. */
const unavailable: ReadonlySet<string> = new Set(["25006", "53300", "57014", "57P01", "57P02", "57P03", "57P05"]);

function troubleOf(error: unknown): Trouble {
  if (error instanceof TagsealError) return "other";
  const state = sqlStateOf(error);
  if (state === undefined) return "unavailable";
  if (contention.has(state)) return "contention";
  return unavailable.has(state) || state.startsWith("08") ? "unavailable" : "other";
}

/** Undefined for an error that did not come from the server: a broken or failed connection. */
function sqlStateOf(error: unknown): string | undefined {
  const isFromServer = error instanceof Error && "severity" in error && "code" in error;
  return isFromServer && typeof error.code === "string" ? error.code : undefined;
}

async function inspect(connection: SqlConnection, { display }: { readonly display: string }): Promise<string[]> {
  const settings = ["server_encoding", "fsync", "full_page_writes"] as const;
  const sql = `SELECT ${settings.map((name) => `current_setting('${name}') AS ${name}`).join(", ")}`;
  const { rows } = await connection.run<Record<(typeof settings)[number], string>>(
    { sql, parameters: [] },
    sessionTimeoutMs,
  );
  const [found] = rows;
  if (found !== undefined && found.server_encoding !== "UTF8") {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${display}: its encoding is ${found.server_encoding}`, {
      hint: "Create the database with ENCODING 'UTF8': not every name can be written in another one.",
    });
  }
  return (["fsync", "full_page_writes"] as const)
    .filter((name) => found?.[name] === "off")
    .map((name) => `${display} runs with ${name}=off: a power cut may lose what was acknowledged`);
}
