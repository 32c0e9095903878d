/**
 * Runs statements on any suitable server of a database: transactions, repeated when another one came first or the connection broke, and reads from a
 * server with the current state.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Compilable } from "kysely";
import { hasCode, TagsealError } from "../../../errors.ts";
import { answeredWithin } from "../../../service/answered-within.ts";
import { ConnectionPool } from "./connection-pool.ts";
import type { DatabaseAddress } from "./database-address.ts";
import { type DatabasePlace, Failover } from "./failover.ts";
import type { Queries, SqlConnection, SqlEngine, Statement, Trouble } from "./sql-engine.ts";

/** Bounds on connections and times. */
export interface SqlLimits {
  /** connections for transactions; half as many more, and two at least, for reads */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** for each statement of a read, and the beginning of a transaction; a read takes no longer than this and `connectTimeoutMs` together */
  readonly readTimeoutMs: number;
  /** for each statement of a transaction: a cluster that loses a node commits nothing for some seconds, and then continues */
  readonly writeTimeoutMs: number;
  /** for a connection to become free */
  readonly waitTimeoutMs: number;
}

/** The defaults. */
export const defaultSqlLimits: SqlLimits = {
  connections: 8,
  connectTimeoutMs: 3000,
  readTimeoutMs: 5000,
  writeTimeoutMs: 30_000,
  waitTimeoutMs: 10_000,
};

/** How often a transaction is tried before its failure reaches the caller. */
const maxAttempts: Readonly<Record<Trouble, number>> = { contention: 40, unavailable: 3, other: 1 };
const maxPauseMs = 100;

/** Runs queries in one connection and, for writes, in one transaction. */
export interface SqlSession {
  /** True when an earlier try of this transaction may have been committed although the answer was lost. */
  readonly mayBeCommitted: boolean;
  rows<Row>(query: Compilable<Row>): Promise<readonly Row[]>;
  /** Runs a statement as given. */
  plainRows<Row>(sql: string): Promise<readonly Row[]>;
  /** @returns how many rows were inserted, deleted, or found by the update */
  change(query: Compilable): Promise<number>;
}

/** A database on one or several hosts. Every method may throw TagsealError `STORAGE_FAILED`. */
export class SqlDatabase {
  readonly engine: SqlEngine;
  readonly address: DatabaseAddress;
  readonly #limits: SqlLimits;
  readonly #failover: Failover;
  readonly #writing: ConnectionPool;
  readonly #reading: ConnectionPool;
  readonly #stale: ConnectionPool;

  constructor(engine: SqlEngine, place: DatabasePlace, limits: Partial<SqlLimits> = {}) {
    this.engine = engine;
    this.address = place.address;
    this.#limits = { ...defaultSqlLimits, ...limits };
    const { connections, connectTimeoutMs, waitTimeoutMs: waitMs } = this.#limits;
    const failover = new Failover(engine, place, connectTimeoutMs);
    this.#failover = failover;
    const toPrimary = (): Promise<SqlConnection> => failover.connectToPrimary();
    this.#writing = new ConnectionPool({ connect: toPrimary, size: connections, waitMs });
    // Reads have their own pool: publishers that wait for each other's locks must not delay readers.
    this.#reading = new ConnectionPool({ connect: toPrimary, size: Math.max(2, Math.ceil(connections / 2)), waitMs });
    this.#stale = new ConnectionPool({ connect: () => failover.connectToAny(), size: 2, waitMs });
  }

  get queries(): Queries {
    return this.engine.queries;
  }

  /** Reads what is committed now, or fails: a server that is cut off, or only a standby, is not used. */
  async read<T>(work: (session: SqlSession) => Promise<T>, timeoutMs = this.#limits.readTimeoutMs): Promise<T> {
    const boundMs = timeoutMs + this.#limits.connectTimeoutMs;
    return answeredWithin(this.#readCurrent(work, timeoutMs), boundMs, () => this.#silent(boundMs));
  }

  /**
   * Reads immutable content, which may come from a server that lags behind when no other answers. Its absence there proves nothing.
   *
   * @returns undefined only when it does not exist now
   */
  async findUnchanging<T>(work: (session: SqlSession) => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await this.read(work);
    } catch (error) {
      if (!hasCode(error, "STORAGE_FAILED")) throw error;
      // The first refusal explains the fault better than the second one.
      const { readTimeoutMs } = this.#limits;
      const found = this.#stale.lend((connection) => work(sessionOn(connection, readTimeoutMs, false)));
      return (
        (await answeredWithin(found, readTimeoutMs, () => this.#silent(readTimeoutMs)).catch(() => undefined)) ??
        Promise.reject(error)
      );
    }
  }

  /** The time of the database server's clock. */
  async time(timeoutMs: number): Promise<Date> {
    const { clock } = this.engine;
    const [row] = await this.read((session) => session.plainRows<{ readonly ms: unknown }>(clock), timeoutMs);
    return new Date(Number(row?.ms));
  }

  /**
   * Runs one transaction, which holds what it locked until it is durably committed. `work` may be called again, from the beginning.
   *
   * @throws TagsealError `STORAGE_CONFLICT` when other transactions came first on every try
   */
  async write<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    let mayBeCommitted = false;
    const deadline = performance.now() + this.#limits.writeTimeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#writing.lend((connection) =>
          this.#blaming(connection, this.#transaction(connection, mayBeCommitted, work)),
        );
      } catch (error) {
        const trouble = this.engine.troubleOf(error);
        if (trouble === "unavailable") {
          mayBeCommitted = true;
          this.#writing.closeIdle();
        }
        if (attempt >= maxAttempts[trouble] || performance.now() > deadline) throw this.#explained("write to", error);
        await pause(Math.random() * Math.min(maxPauseMs, 5 * 2 ** attempt));
      }
    }
  }

  /** Lends a connection for work that is neither a read nor a transaction on rows. */
  async withConnection<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#writing.lend(work).catch((error: unknown) => {
      throw this.#explained("prepare", error);
    });
  }

  async close(): Promise<void> {
    for (const pool of [this.#writing, this.#reading, this.#stale]) pool.close();
  }

  async #readCurrent<T>(work: (session: SqlSession) => Promise<T>, timeoutMs: number): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#reading.lend((connection) =>
          this.#blaming(connection, work(sessionOn(connection, timeoutMs, false))),
        );
      } catch (error) {
        // Reads wait for no lock: what looks like contention is a node that cannot catch up with the others.
        if (this.engine.troubleOf(error) === "other") throw this.#explained("read", error);
        this.#reading.closeIdle();
        // A second try: an idle connection may have died long ago.
        if (attempt > 1) throw this.#failed("read", error);
      }
    }
  }

  /** A host that stopped answering is tried after the others from now on. */
  async #blaming<T>(connection: SqlConnection, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (this.engine.troubleOf(error) === "unavailable") this.#failover.avoid(connection);
      throw error;
    }
  }

  async #transaction<T>(
    connection: SqlConnection,
    mayBeCommitted: boolean,
    work: (session: SqlSession) => Promise<T>,
  ): Promise<T> {
    const { readTimeoutMs, writeTimeoutMs } = this.#limits;
    const plainly = (sql: string): Promise<unknown> => connection.run({ sql, parameters: [] }, writeTimeoutMs);
    // It waits no longer than a read does: a hanging server is noticed soon.
    await connection.run({ sql: this.engine.begin, parameters: [] }, Math.min(readTimeoutMs, writeTimeoutMs));
    try {
      for (const sql of connection.guard.begun) await plainly(sql);
      const result = await work(sessionOn(connection, writeTimeoutMs, mayBeCommitted));
      for (const sql of connection.guard.ending) await plainly(sql);
      await plainly("COMMIT");
      return result;
    } catch (error) {
      // A connection whose transaction cannot be ended is unusable; closing it ends the transaction.
      if (connection.isOpen) await plainly("ROLLBACK").catch(() => connection.close());
      throw error;
    }
  }

  #explained(doing: string, error: unknown): unknown {
    if (error instanceof TagsealError) return error;
    const { display } = this.address;
    if (this.engine.troubleOf(error) === "contention") {
      return new TagsealError("STORAGE_CONFLICT", `Cannot ${doing} ${display}: other writers came first each time`, {
        cause: error,
        hint: "Try again when fewer publish at once.",
      });
    }
    return this.#failed(doing, error);
  }

  #silent(boundMs: number): TagsealError {
    return new TagsealError("STORAGE_FAILED", `Cannot read ${this.address.display}: no answer within ${boundMs} ms`, {
      hint: "Check that the database runs and can be reached: it may hang.",
    });
  }

  #failed(doing: string, error: unknown): unknown {
    if (error instanceof TagsealError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new TagsealError("STORAGE_FAILED", `Cannot ${doing} ${this.address.display}: ${message}`, {
      cause: error,
      hint: "Check the health of the database and the rights of the server's account in it.",
    });
  }
}

function sessionOn(connection: SqlConnection, timeoutMs: number, mayBeCommitted: boolean): SqlSession {
  const run = <Row>(query: Compilable<Row>) => connection.run<Row>(query.compile() satisfies Statement<Row>, timeoutMs);
  return {
    mayBeCommitted,
    rows: async (query) => (await run(query)).rows,
    plainRows: async <Row>(sql: string) => (await connection.run<Row>({ sql, parameters: [] }, timeoutMs)).rows,
    change: async (query) => (await run(query)).affected,
  };
}
