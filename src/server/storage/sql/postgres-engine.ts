/** PostgreSQL, through `pg`. */

import type { ClientConfig } from "pg";
import { TagsealError } from "../../../errors.ts";
import { loadPackage } from "./optional-package.ts";
import { queryBuilder } from "./query-builder.ts";
import type { ConnectRequest, SqlConnection, SqlEngine } from "./sql-engine.ts";
import { sessionTimeoutMs, PostgresConnection, troubleOf, sqlStateOf } from "./postgres-connection.ts";

type Driver = (typeof import("pg"))["default"];

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

/** An arbitrary number that only Tagseal uses in a database. */
async function lockMigration(connection: SqlConnection): Promise<void> {
  // The other replica's migration may take longer than the usual lock timeout.
  await connection.run({ sql: "SET LOCAL lock_timeout = 0", parameters: [] }, sessionTimeoutMs);
  await connection.run({ sql: "SELECT pg_advisory_xact_lock(8390876131428751)", parameters: [] }, 120_000);
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
