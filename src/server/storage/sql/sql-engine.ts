/**
 * The differences between database servers, as documented capabilities. Code above an engine is written once; everything specific to a driver or a
 * server is in its engine.
 */

import type { ConnectionOptions } from "node:tls";
import type { CompiledQuery, Kysely } from "kysely";
import type { DatabaseAddress, DatabaseHost } from "./database-address.ts";
import type { Tables } from "./tables.ts";

/** The result of a statement. Names and texts are strings, integers are numbers, bytes are `Buffer`s, with every driver. */
export interface SqlResult<Row> {
  readonly rows: readonly Row[];
  /** rows that were inserted or deleted, or that an update found */
  readonly affected: number;
}

/** One connection to one server. A statement that fails because the server is unavailable closes it. */
export interface SqlConnection {
  readonly isOpen: boolean;
  /** false for a standby, and for a node of a cluster that is cut off from the majority: its data may be old and cannot be changed */
  readonly isPrimary: boolean;
  /**
   * Statements to run at the start of a transaction on rows, and before its commit. The latter fail when the transaction is no longer the same: a
   * cluster may have rolled it back in between, and some do so silently.
   */
  readonly guard: { readonly begun: readonly string[]; readonly ending: readonly string[] };
  /** Runs one statement. Rejects with the driver's error; the engine classifies it. */
  run<Row>(query: Statement<Row>, timeoutMs: number): Promise<SqlResult<Row>>;
  /** Closes the connection. */
  close(): void;
}

/** A text and its parameters, which never become part of the text. */
export type Statement<Row = unknown> = Pick<CompiledQuery<Row>, "sql" | "parameters">;

/** Kysely builds statements for this kind of server; it runs none. */
export type Queries = Kysely<Tables>;

/**
 * What an error means for the caller of a transaction.
 *
 * `contention`: another transaction came first; this one changed nothing and may be run again.
 * `unavailable`: the server does not answer now; whether a pending commit took place is unknown.
 * `other`: running it again would fail again.
 */
export type Trouble = "contention" | "unavailable" | "other";

/** How to open a connection. */
export interface ConnectRequest {
  readonly host: DatabaseHost;
  readonly address: DatabaseAddress;
  /** undefined for a connection without TLS */
  readonly tls: ConnectionOptions | undefined;
  readonly timeoutMs: number;
  /** whether a server that is not primary may answer with data that may be old */
  readonly allowStale: boolean;
}

/** A kind of database server. */
export interface SqlEngine {
  readonly name: DatabaseAddress["engine"];
  readonly queries: Queries;
  /** Begins a transaction whose every statement sees what others have committed (READ COMMITTED). */
  readonly begin: string;
  /** Reads the server's clock: one row, whose `ms` is milliseconds since 1970, whatever the time zone. */
  readonly clock: string;
  /** an expression that is true on a server which is still a primary: a former primary may have become a standby while its connections stayed open */
  readonly isPrimaryNow: string;
  /** whether a failed migration is rolled back: if not, every statement of it can be repeated */
  readonly canRollBackDdl: boolean;
  /** whether one statement can change several tables, using in one what it wrote to another */
  readonly canChainChanges: boolean;
  connect(request: ConnectRequest): Promise<SqlConnection>;
  /** Waits, if possible, until no other migration is running. The lock is held until the transaction, or else the connection, ends. */
  lockMigration(connection: SqlConnection): Promise<void>;
  troubleOf(error: unknown): Trouble;
  /** True when a statement failed because a table does not exist. */
  isMissingTable(error: unknown): boolean;
  /**
   * Checks whether the server keeps what it acknowledges.
   *
   * @returns a sentence for each setting that an operator should know about
   * @throws TagsealError `SERVER_CONFIGURATION` for a setting that makes storing impossible
   */
  inspect(connection: SqlConnection, address: DatabaseAddress): Promise<readonly string[]>;
}
