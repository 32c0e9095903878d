/** One connection to PostgreSQL, and what its errors mean. */

import type { Client, QueryResultRow } from "pg";
import { TagsealError } from "../../../errors.ts";
import { answeredWithin } from "../../../service/answered-within.ts";
import type { SqlConnection, SqlResult, Statement, Trouble } from "./sql-engine.ts";
import { WatchedConnection } from "./watched-connection.ts";

/** For the statements that prepare or inspect a session. */
export const sessionTimeoutMs = 10_000;

/** Statements that one connection has prepared; there are a few dozen, and lists of different lengths make some more. */
const maxPrepared = 200;

/** A connection whose client is not connected yet. Call `begin` once it is. */
export class PostgresConnection extends WatchedConnection implements SqlConnection {
  /** A transaction that was rolled back takes no further statement. */
  readonly guard = { begun: [], ending: [] };
  readonly #client: Client;
  /** names of prepared statements by their texts: the server reads and plans each of them once */
  readonly #prepared = new Map<string, string>();

  constructor(client: Client) {
    super(client);
    this.#client = client;
  }

  /** An acknowledged commit has reached the disk, whatever the server's default is. */
  async begin(): Promise<void> {
    const text = `SELECT pg_is_in_recovery() AS standby, CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END AS synchronous_commit`;
    const asked = this.#client.query<{ standby: boolean }>(text);
    const { rows } = await answeredWithin(asked, sessionTimeoutMs, () => new Error("no answer in time"));
    this.isPrimary = rows[0]?.standby === false;
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
    this.isOpen = false;
    this.#client.end().catch(() => (this.isOpen = false)); // it was already lost
  }
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

/** What an error means for the transaction that it ended. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof TagsealError) return "other";
  const state = sqlStateOf(error);
  if (state === undefined) return "unavailable";
  if (contention.has(state)) return "contention";
  return unavailable.has(state) || state.startsWith("08") ? "unavailable" : "other";
}

/** Undefined for an error that did not come from the server: a broken or failed connection. */
export function sqlStateOf(error: unknown): string | undefined {
  const isFromServer = error instanceof Error && "severity" in error && "code" in error;
  return isFromServer && typeof error.code === "string" ? error.code : undefined;
}
