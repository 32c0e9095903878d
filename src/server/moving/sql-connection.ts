/**
 * Reading somebody else's database: one connection, one read-only transaction that sees one moment, rows as the driver gives them.
 * Placeholders are `?` everywhere. Drivers are loaded when they are needed.
 */

import { TagsealError } from "../../errors.ts";
import type { DatabaseAddress, ServerAddress } from "./database-address.ts";

/** One row, by column. Nothing about the values is known yet. */
export type Row = Readonly<Record<string, unknown>>;

/** Where the engines differ in what is asked of them here. */
export interface SqlDialect {
  /** number of bytes in a column */
  readonly byteLength: (column: string) => string;
  /** milliseconds since 1970; the reference writes its times in UTC */
  readonly epochMs: (column: string) => string;
  /** a text column compared and ordered by its UTF-8 bytes, whatever the database's collation */
  readonly exactText: (column: string) => string;
  /** a placeholder to compare with {@link SqlDialect.exactText} */
  readonly exactValue: string;
}

/** An open connection. Every method throws TagsealError `STORAGE_FAILED` for whatever the driver reports. */
export interface SqlConnection {
  /** the database for messages, without secrets */
  readonly name: string;
  readonly dialect: SqlDialect;
  query(sql: string, values: readonly (string | number)[]): Promise<readonly Row[]>;
  hasTable(name: string): Promise<boolean>;
  hasColumn(table: string, column: string): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Opens a database for reading.
 *
 * @throws TagsealError `STORAGE_FAILED` when it cannot be opened; `SERVER_CONFIGURATION` when its driver is not installed
 */
export async function openForReading(address: DatabaseAddress): Promise<SqlConnection> {
  if (address.kind === "sqlite") return await openSqlite(address.path);
  return address.kind === "postgres" ? await openPostgres(address) : await openMysql(address);
}

async function openPostgres(address: ServerAddress): Promise<SqlConnection> {
  const { default: pg } = await driver("pg", () => import("pg"));
  const client = new pg.Client({
    host: address.socketPath ?? address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    ssl: address.tls ?? false,
    connectionTimeoutMillis: 10_000,
  });
  // Between queries a lost connection has nobody else to tell; the next query reports it.
  client.on("error", () => undefined);
  const explained = explainer(address.name);
  await explained("open", () => client.connect());
  const query = async (sql: string, values: readonly (string | number)[]): Promise<readonly Row[]> => {
    let place = 0;
    const numbered = sql.replaceAll("?", () => `$${++place}`);
    return (await explained("read", () => client.query<Record<string, unknown>>(numbered, [...values]))).rows;
  };
  await query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", []);
  const dialect: SqlDialect = {
    byteLength: (column) => `octet_length(${column})`,
    epochMs: (column) => `(extract(epoch from ${column}) * 1000)`,
    exactText: (column) => `${column} COLLATE "C"`,
    exactValue: "?",
  };
  return { ...schemaQueries(query, "current_schema()"), name: address.name, dialect, query, close: () => client.end() };
}

async function openMysql(address: ServerAddress): Promise<SqlConnection> {
  const mysql = await driver("mysql2", () => import("mysql2/promise"));
  const explained = explainer(address.name);
  const where =
    address.socketPath === undefined ? { host: address.host, port: address.port } : { socketPath: address.socketPath };
  const connection = await explained("open", () =>
    mysql.createConnection({
      ...where,
      user: address.user,
      database: address.database,
      charset: "utf8mb4",
      connectTimeout: 10_000,
      ...(address.password === undefined ? {} : { password: address.password }),
      ...(address.tls === undefined
        ? {}
        : { ssl: { ...address.tls, verifyIdentity: address.tls.rejectUnauthorized !== false } }),
    }),
  );
  // Between queries a lost connection has nobody else to tell; the next query reports it.
  connection.on("error", () => undefined);
  const query = async (sql: string, values: readonly (string | number)[]): Promise<readonly Row[]> =>
    (await explained("read", () => connection.execute<never>(sql, [...values])))[0];
  await explained("read", () => connection.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  await explained("read", () => connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"));
  const dialect: SqlDialect = {
    byteLength: (column) => `octet_length(${column})`,
    epochMs: (column) => `(timestampdiff(MICROSECOND, '1970-01-01', ${column}) DIV 1000)`,
    exactText: (column) => `CAST(CONVERT(${column} USING utf8mb4) AS BINARY)`,
    exactValue: "CAST(? AS BINARY)",
  };
  return { ...schemaQueries(query, "database()"), name: address.name, dialect, query, close: () => connection.end() };
}

async function openSqlite(path: string): Promise<SqlConnection> {
  const { DatabaseSync } = await import("node:sqlite");
  const explained = explainer(path);
  const database = await explained("open", () => new DatabaseSync(path, { readOnly: true, timeout: 5000 }));
  const query = async (sql: string, values: readonly (string | number)[]): Promise<readonly Row[]> =>
    await explained("read", () => database.prepare(sql).all(...values));
  await query("BEGIN", []);
  const dialect: SqlDialect = {
    byteLength: (column) => `length(CAST(${column} AS BLOB))`,
    epochMs: (column) => `CAST(unixepoch(${column}, 'subsec') * 1000 AS INTEGER)`,
    exactText: (column) => column,
    exactValue: "?",
  };
  return {
    name: path,
    dialect,
    query,
    hasTable: async (name) =>
      (await query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", [name])).length > 0,
    hasColumn: async (table, column) =>
      (await query("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", [table, column])).length > 0,
    close: async () => database.close(),
  };
}

function schemaQueries(query: SqlConnection["query"], schema: string): Pick<SqlConnection, "hasTable" | "hasColumn"> {
  const columns = `SELECT 1 FROM information_schema.columns WHERE table_schema = ${schema} AND table_name = ?`;
  return {
    hasTable: async (name) => (await query(`${columns} LIMIT 1`, [name])).length > 0,
    hasColumn: async (table, column) => (await query(`${columns} AND column_name = ?`, [table, column])).length > 0,
  };
}

async function driver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot read this database: its driver ${name} is not installed`, {
      cause,
      hint: `npm install ${name}`,
    });
  }
}

type Explainer = <T>(doing: string, work: () => T | Promise<T>) => Promise<T>;

/** Drivers throw whatever they like; what they say does not hold the password. */
function explainer(name: string): Explainer {
  return async (doing, work) => {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof TagsealError) throw cause;
      const reason = cause instanceof Error ? reasonOf(cause) : String(cause);
      throw new TagsealError("STORAGE_FAILED", `Cannot ${doing} ${name}: ${reason}`, { cause });
    }
  };
}

/** Several addresses of one host fail together, each with a reason, and the error as a whole with none. */
function reasonOf(error: Error): string {
  if (error.message !== "") return error.message;
  const [first] = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [];
  return first instanceof Error ? first.message : error.name;
}
