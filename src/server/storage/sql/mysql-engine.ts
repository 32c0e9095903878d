/**
 * MySQL and MariaDB, through `mysql2`; also a Galera cluster. A node reports whether it belongs to the majority and, when configured, answers only
 * after it has applied what was committed on other nodes.
 */

import type { Connection, ConnectionOptions, ResultSetHeader, RowDataPacket, TypeCastField } from "mysql2/promise";
import { TagsealError } from "../../../errors.ts";
import { answeredWithin } from "../../../service/answered-within.ts";
import type { DatabaseAddress } from "./database-address.ts";
import { loadPackage } from "./optional-package.ts";
import { queryBuilder } from "./query-builder.ts";
import type { ConnectRequest, SqlConnection, SqlEngine, SqlResult, Statement, Trouble } from "./sql-engine.ts";
import { WatchedConnection } from "./watched-connection.ts";

type Driver = typeof import("mysql2/promise");

const sessionTimeoutMs = 10_000;
const lockWaitSeconds = 10;
/** ER_LOCK_WAIT_TIMEOUT */
const lockWaitTimeout = 1205;

/**
 * Loads the driver.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not installed
 */
export async function loadMysqlEngine(): Promise<SqlEngine> {
  const driver = await loadPackage("mysql2", () => import("mysql2/promise"));
  return {
    name: "mysql",
    queries: await queryBuilder((kysely) => ({
      adapter: kysely.MysqlAdapter,
      introspector: kysely.MysqlIntrospector,
      compiler: kysely.MysqlQueryCompiler,
    })),
    begin: "START TRANSACTION",
    isPrimaryNow: "@@global.read_only = 0",
    clock: "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000 AS ms",
    canRollBackDdl: false,
    canChainChanges: false,
    connect: (request) => connect(driver, request),
    lockMigration,
    troubleOf,
    isMissingTable: (error) => errorNumberOf(error) === 1146,
    inspect,
  };
}

async function connect(driver: Driver, request: ConnectRequest): Promise<SqlConnection> {
  const connection = new MysqlConnection(await driver.createConnection(connectionOptions(request)));
  try {
    await connection.begin(request.allowStale);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function connectionOptions({ host, address, tls, timeoutMs }: ConnectRequest): ConnectionOptions {
  return {
    ...host,
    ...(address.user !== undefined && { user: address.user }),
    ...(address.password !== undefined && { password: address.password }),
    database: address.database,
    // The driver checks the certificate for a host name only, not for an IP address.
    ...(tls !== undefined && { ssl: { ...tls, verifyIdentity: address.tls.mode === "verify-full" } as object }),
    connectTimeout: timeoutMs,
    charset: "utf8mb4_bin",
    enableKeepAlive: true,
    disableEval: true,
    maxPreparedStatements: 200,
    typeCast: (field: TypeCastField, next: () => unknown) =>
      field.type === "VAR_STRING" ? field.string("utf8") : next(),
  };
}

/**
 * A node rolls back a transaction that conflicts with one from another node. With autocommit, MariaDB 10.11 was seen to run the next statement on its
 * own: the second half of a publication was committed and acknowledged. Without autocommit the statement fails as it should. A rollback also ends all
 * savepoints: a remaining savepoint proves that everything since then remains.
 */
const galeraGuard = {
  begun: ["SET autocommit = 0", "SAVEPOINT tagseal_whole"],
  ending: ["RELEASE SAVEPOINT tagseal_whole"],
};

class MysqlConnection extends WatchedConnection implements SqlConnection {
  readonly #connection: Connection;
  #guard: SqlConnection["guard"] = { begun: [], ending: [] };

  constructor(connection: Connection) {
    super(connection);
    this.#connection = connection;
  }

  get guard(): SqlConnection["guard"] {
    return this.#guard;
  }

  /** A node that is cut off still answers SHOW and SET. */
  async begin(allowStale: boolean): Promise<void> {
    const wanted = ["wsrep_on", "read_only"];
    const variables = await this.#shown("VARIABLES", wanted);
    const isGalera = variables.get("wsrep_on") === "ON";
    const isCutOff = isGalera && (await this.#shown("STATUS", ["wsrep_ready"])).get("wsrep_ready") !== "ON";
    this.isPrimary = !isCutOff && variables.get("read_only") === "OFF";
    await this.#set("SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    await this.#set("sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'");
    await this.#set(`innodb_lock_wait_timeout = ${lockWaitSeconds}`);
    if (!isGalera) return;
    this.#guard = galeraGuard;
    // Each read and each transaction begins after this node has applied everything committed on other nodes.
    await this.#set(isCutOff && allowStale ? "wsrep_sync_wait = 0, wsrep_dirty_reads = ON" : "wsrep_sync_wait = 1");
  }

  async run<Row>({ sql, parameters }: Statement<Row>, timeoutMs: number): Promise<SqlResult<Row>> {
    try {
      // Not every statement can be prepared; those with parameters always are, so that no value becomes part of the SQL text.
      const asked =
        parameters.length === 0
          ? this.#connection.query<RowDataPacket[] | ResultSetHeader>({ sql })
          : this.#connection.execute<RowDataPacket[] | ResultSetHeader>({ sql }, [...parameters] as never);
      const [result] = await answeredWithin(asked, timeoutMs, () => new Error("no answer in time"));
      return Array.isArray(result)
        ? { rows: result as unknown as Row[], affected: result.length }
        : { rows: [], affected: result.affectedRows };
    } catch (error) {
      // A node that has just been cut off may report a timeout. A new connection shows whether it was cut off.
      if (troubleOf(error) === "unavailable" || errorNumberOf(error) === lockWaitTimeout) this.close();
      throw error;
    }
  }

  close(): void {
    this.isOpen = false;
    this.#connection.destroy();
  }

  /** Values by name, as `SHOW VARIABLES` and `SHOW GLOBAL STATUS` return them. */
  async #shown(what: "VARIABLES" | "STATUS", names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return shown(this, what, names);
  }

  #set(assignment: string): Promise<unknown> {
    return this.run({ sql: `SET ${assignment}`, parameters: [] }, sessionTimeoutMs);
  }
}

async function shown(
  connection: SqlConnection,
  what: "VARIABLES" | "STATUS",
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const list = names.map((name) => `'${name}'`).join(", ");
  const statement = { sql: `SHOW GLOBAL ${what} WHERE Variable_name IN (${list})`, parameters: [] };
  const { rows } = await connection.run<{ Variable_name: string; Value: string }>(statement, sessionTimeoutMs);
  return new Map(rows.map(({ Variable_name, Value }) => [Variable_name, Value]));
}

/** A cluster has no such lock, since it would not reach other nodes: each statement of a migration is safe without it. */
async function lockMigration(connection: SqlConnection): Promise<void> {
  try {
    await connection.run({ sql: "DO GET_LOCK('tagseal-migration', 100)", parameters: [] }, 110_000);
  } catch (error) {
    if (errorNumberOf(error) !== 1235) throw error; // ER_NOT_SUPPORTED_YET: GET_LOCK in cluster
  }
}

/** MariaDB documentation, error codes: the errors of a transaction that lost against another one, on this node or another. */
const contention: ReadonlySet<number> = new Set([
  1020, // ER_CHECKREAD: the row has changed since it was read
  1062, // ER_DUP_ENTRY
  lockWaitTimeout,
  1305, // ER_SP_DOES_NOT_EXIST: the savepoint is gone, and the transaction with it
  1213, // ER_LOCK_DEADLOCK: also what a failed certification looks like
]);

/** The errors of a server that is stopping, full, read-only, or cut off from its cluster. */
const unavailable: ReadonlySet<number> = new Set([
  1040, // too many connections
  1203, // too many of this account
  1226, // this account has used up what it may
  1047, // the node is cut off from its cluster, or not yet part of it
  1053, // shutting down
  1077, // shutting down
  1079, // shutting down
  1927, // connection killed
  1317, // statement killed
  1969, // statement took too long
  3024, // statement took too long
  1180, // the node left its cluster in the middle of a commit
  1158, // packet lost
  1159, // packet late
  1160, // packet lost
  1161, // packet late
  1184, // connection aborted
  1290, // read-only
  1792, // read-only
  1836, // read-only
]);

function troubleOf(error: unknown): Trouble {
  if (error instanceof TagsealError) return "other";
  const number = errorNumberOf(error);
  if (number === undefined) return "unavailable";
  if (contention.has(number)) return "contention";
  return unavailable.has(number) ? "unavailable" : "other";
}

/** Undefined for an error that did not come from the server: a broken or failed connection. */
function errorNumberOf(error: unknown): number | undefined {
  const isFromServer =
    error instanceof Error && "errno" in error && "sqlState" in error && error.sqlState !== undefined;
  return isFromServer && typeof error.errno === "number" && error.errno > 0 ? error.errno : undefined;
}

/** The files of a publication go in one packet: `defaultLimits.maxBytes`, and a little for the rest of the statement. */
const neededPacketBytes = 49 * 1024 * 1024;

async function inspect(connection: SqlConnection, { display }: DatabaseAddress): Promise<string[]> {
  const names = ["innodb_flush_log_at_trx_commit", "max_allowed_packet", "wsrep_on"];
  const found = await shown(connection, "VARIABLES", names);
  const warnings: string[] = [];
  if (found.get("innodb_flush_log_at_trx_commit") !== "1") {
    const where = found.get("wsrep_on") === "ON" ? "of all nodes at once " : "";
    warnings.push(
      `${display} runs with innodb_flush_log_at_trx_commit=${found.get("innodb_flush_log_at_trx_commit")}: a power cut ${where}may lose what was acknowledged`,
    );
  }
  const packet = Number(found.get("max_allowed_packet"));
  if (packet < neededPacketBytes)
    warnings.push(`${display} runs with max_allowed_packet=${packet}: larger publications cannot be stored`);
  return warnings;
}
