/**
 * Reads another product's database: one connection, one read-only transaction with a single snapshot, rows as the driver returns them.
 * Placeholders are `?` everywhere.
 */

import { TagsealError } from "../errors.ts";
import { type DatabaseAddress, isDatabaseUrl, parseDatabaseAddress } from "../server/storage/sql/database-address.ts";
import { openDatabaseTls } from "../server/storage/sql/database-tls.ts";
import { type DatabasePlace, Failover } from "../server/storage/sql/failover.ts";
import { loadMysqlEngine } from "../server/storage/sql/mysql-engine.ts";
import { loadPostgresEngine } from "../server/storage/sql/postgres-engine.ts";
import type { SqlConnection, SqlEngine } from "../server/storage/sql/sql-engine.ts";
import { unattended } from "../service/watching/watched-files.ts";

/** One row, by column. The values are unchecked. */
export type Row = Readonly<Record<string, unknown>>;

/** The differences between the engines that matter here. */
export interface SourceDialect {
  /** number of bytes in a column */
  readonly byteLength: (column: string) => string;
  /** milliseconds since 1970; the reference writes its times in UTC */
  readonly epochMs: (column: string) => string;
  /** a text column compared and ordered by its UTF-8 bytes, whatever the database's collation */
  readonly exactText: (column: string) => string;
  /** a placeholder to compare with {@link SourceDialect.exactText} */
  readonly exactValue: string;
}

/** An open database. Every method throws TagsealError `STORAGE_FAILED` for any error of the driver. */
export interface SourceDatabase {
  /** the database for messages, without secrets */
  readonly name: string;
  readonly dialect: SourceDialect;
  query(sql: string, values: readonly (string | number)[]): Promise<readonly Row[]>;
  hasTable(name: string): Promise<boolean>;
  hasColumn(table: string, column: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Passwords for addresses without one. */
export type DatabasePasswords = Readonly<Record<DatabaseAddress["engine"], string | undefined>>;

const connectTimeoutMs = 10_000;
/** For one statement: some read a whole repository, or list every name. */
const statementTimeoutMs = 30 * 60_000;

/**
 * Opens a database for reading.
 *
 * @param url as `openMetadataStore` takes it: a path, a URL, or a data source name of Notary's
 * @throws TagsealError `STORAGE_FAILED` when it cannot be opened; `SERVER_CONFIGURATION` for an unknown form of address, or when its driver is not installed
 */
export async function openSourceDatabase(url: string, passwords: DatabasePasswords): Promise<SourceDatabase> {
  if (!isDatabaseUrl(url)) return await openSqlite(url.replace(/^sqlite3?:|^file:/u, ""));
  const parsed = parseDatabaseAddress(url);
  const address = { ...parsed, password: parsed.password ?? passwords[parsed.engine] };
  return address.engine === "postgres" ? await openPostgres(address) : await openMysql(address);
}

/** A standby is enough, and spares the primary. */
async function connectToAny(engine: SqlEngine, address: DatabaseAddress): Promise<SqlConnection> {
  const place: DatabasePlace = { address, tls: await openDatabaseTls(address.tls, unattended()) };
  return await new Failover(engine, place, connectTimeoutMs).connectToAny();
}

async function openPostgres(address: DatabaseAddress): Promise<SourceDatabase> {
  const connection = await connectToAny(await loadPostgresEngine(), address);
  return await beginReading(address, connection, {
    begin: [
      "SET statement_timeout = 0",
      "SET idle_in_transaction_session_timeout = 0",
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    ],
    schema: "current_schema()",
    numbered: true,
    dialect: {
      byteLength: (column) => `octet_length(${column})`,
      epochMs: (column) => `trunc(extract(epoch from ${column}) * 1000)`,
      exactText: (column) => `${column} COLLATE "C"`,
      exactValue: "?",
    },
  });
}

async function openMysql(address: DatabaseAddress): Promise<SourceDatabase> {
  const connection = await connectToAny(await loadMysqlEngine(), address);
  return await beginReading(address, connection, {
    begin: [
      // converts the reference's times, which are UTC in the session's zone, to instants
      "SET time_zone = @@global.time_zone",
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
      "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ],
    schema: "database()",
    numbered: false,
    dialect: {
      byteLength: (column) => `octet_length(${column})`,
      epochMs: (column) => `(timestampdiff(MICROSECOND, '1970-01-01', ${column}) DIV 1000)`,
      exactText: (column) => `CAST(CONVERT(${column} USING utf8mb4) AS BINARY)`,
      exactValue: "CAST(? AS BINARY)",
    },
  });
}

interface Kind {
  readonly begin: readonly string[];
  /** the expression for the schema of unqualified tables */
  readonly schema: string;
  /** whether placeholders are `$1` and so on */
  readonly numbered: boolean;
  readonly dialect: SourceDialect;
}

async function beginReading(
  address: DatabaseAddress,
  connection: SqlConnection,
  { begin, schema, numbered, dialect }: Kind,
): Promise<SourceDatabase> {
  const name = address.display;
  const query: SourceDatabase["query"] = async (sql, values) => {
    let place = 0;
    const text = numbered ? sql.replaceAll("?", () => `$${++place}`) : sql;
    const statement = { sql: text, parameters: values };
    return (await explained(name, "read", () => connection.run<Row>(statement, statementTimeoutMs))).rows;
  };
  const columns = `SELECT 1 AS found FROM information_schema.columns WHERE table_schema = ${schema} AND table_name = ?`;
  for (const statement of begin) await query(statement, []);
  return {
    name,
    dialect,
    query,
    hasTable: async (table) => (await query(`${columns} LIMIT 1`, [table])).length > 0,
    hasColumn: async (table, column) => (await query(`${columns} AND column_name = ?`, [table, column])).length > 0,
    close: async () => connection.close(),
  };
}

async function openSqlite(path: string): Promise<SourceDatabase> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = await explained(path, "open", () => new DatabaseSync(path, { readOnly: true, timeout: 5000 }));
  const query: SourceDatabase["query"] = async (sql, values) =>
    await explained(path, "read", () => database.prepare(sql).all(...values));
  await query("BEGIN", []);
  return {
    name: path,
    dialect: {
      byteLength: (column) => `length(CAST(${column} AS BLOB))`,
      epochMs: (column) => `CAST(unixepoch(${column}, 'subsec') * 1000 AS INTEGER)`,
      exactText: (column) => column,
      exactValue: "?",
    },
    query,
    hasTable: async (table) =>
      (await query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", [table])).length > 0,
    hasColumn: async (table, column) =>
      (await query("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", [table, column])).length > 0,
    close: async () => database.close(),
  };
}

async function explained<T>(name: string, doing: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TagsealError) throw cause;
    // driver messages do not contain the password
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TagsealError("STORAGE_FAILED", `Cannot ${doing} ${name}: ${reason}`, { cause });
  }
}
