/**
 * What differs between database servers, as documented capabilities. Everything above an engine is written once; everything that a
 * driver or a server does in its own way is below one.
 */

import type { ConnectionOptions } from "node:tls";
import type { CompiledQuery, Kysely } from "kysely";
import type { DatabaseAddress, DatabaseHost } from "./database-address.ts";
import type { Tables } from "./tables.ts";

/** What a statement gave back. Names and texts are strings, whole numbers numbers, bytes `Buffer`s, whatever the driver made of them. */
export interface SqlResult<Row> {
  readonly rows: readonly Row[];
  /** rows that were inserted or deleted, or that an update found */
  readonly affected: number;
}

/** One connection to one server. A statement that fails for want of the server closes it. */
export interface SqlConnection {
  readonly isOpen: boolean;
  /** false for a standby, and for a node of a cluster that is cut off from the majority: it knows old things and can change nothing */
  readonly isPrimary: boolean;
  /**
   * Statements to run when a transaction of rows has begun, and when it is about to be committed. The latter fail when it is no longer the
   * one that was begun: a cluster may have rolled it back in between, and not every one says so to whoever is in the middle of it.
   */
  readonly guard: { readonly begun: readonly string[]; readonly ending: readonly string[] };
  /** Runs one statement. Rejects with what the driver throws; the engine can tell what it means. */
  run<Row>(query: Statement<Row>, timeoutMs: number): Promise<SqlResult<Row>>;
  /** Hangs up. */
  close(): void;
}

/** A text and its parameters, which never become part of the text. */
export type Statement<Row = unknown> = Pick<CompiledQuery<Row>, "sql" | "parameters">;

/** Kysely writes statements for this kind of server; it runs none. */
export type Queries = Kysely<Tables>;

/**
 * What an error means for whoever ran a transaction.
 *
 * `contention`: another transaction came first; this one changed nothing and may be run again.
 * `unavailable`: the server cannot be asked now; whether a commit under way took place is not known.
 * `other`: running it again would fail again.
 */
export type Trouble = "contention" | "unavailable" | "other";

/** How a connection is to be opened. */
export interface ConnectRequest {
  readonly host: DatabaseHost;
  readonly address: DatabaseAddress;
  /** undefined for a connection without TLS */
  readonly tls: ConnectionOptions | undefined;
  readonly timeoutMs: number;
  /** whether a server that is not primary shall answer from what it knows, old as that may be */
  readonly allowStale: boolean;
}

/** A kind of database server. */
export interface SqlEngine {
  readonly name: DatabaseAddress["engine"];
  readonly queries: Queries;
  /** Begins a transaction that sees what others have committed at each of its statements. */
  readonly begin: string;
  /** Asks for the server's clock: one row, whose `ms` is milliseconds since 1970, whatever the time zone. */
  readonly clock: string;
  /** an expression that is true on a server which is still a primary: one that was may have been made a standby while its connections stayed */
  readonly isPrimaryNow: string;
  /** whether what a migration did so far goes away when it fails: where not, every statement of it can be repeated */
  readonly canRollBackDdl: boolean;
  /** whether one statement can change several tables, the one with what it wrote to the other */
  readonly canChainChanges: boolean;
  connect(request: ConnectRequest): Promise<SqlConnection>;
  /** Waits, where that is possible, until no other migration runs. The lock is held until the transaction, or else the connection, ends. */
  lockMigration(connection: SqlConnection): Promise<void>;
  troubleOf(error: unknown): Trouble;
  /** True when a statement failed because a table is not there. */
  isMissingTable(error: unknown): boolean;
  /**
   * Looks whether the server keeps what it acknowledges.
   *
   * @returns a sentence for each setting that an operator should know about
   * @throws TagsealError `SERVER_CONFIGURATION` for a setting that nothing can be stored with
   */
  inspect(connection: SqlConnection, address: DatabaseAddress): Promise<readonly string[]>;
}
