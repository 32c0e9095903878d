/** Key assignments in the signer's SQLite file. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { SqliteFile } from "../storage/sqlite-database.ts";
import type { KeyAssignment, KeyAssignments, PendingKeyOf } from "./key-assignments.ts";
import { serverRole } from "./server-role.ts";

function prepareAll(database: DatabaseSync) {
  const columns = "key_id, gun, role, algorithm, public, assigned_at, used";
  return {
    find: database.prepare(`SELECT ${columns} FROM key_assignments WHERE key_id = ?`),
    pending: database.prepare(
      `SELECT ${columns} FROM key_assignments WHERE gun = ? AND role = ? AND algorithm = ? AND used = 0`,
    ),
    assign: database.prepare(`INSERT OR IGNORE INTO key_assignments (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`),
    use: database.prepare("UPDATE key_assignments SET used = 1 WHERE key_id = ? AND gun = ? AND role = ?"),
    countPending: database.prepare("SELECT count(*) AS count FROM key_assignments WHERE used = 0"),
    oldestPending: database.prepare(
      `SELECT ${columns} FROM key_assignments WHERE used = 0 ORDER BY assigned_at, id LIMIT 1`,
    ),
    forget: database.prepare("DELETE FROM key_assignments WHERE key_id = ? AND used = 0"),
  } satisfies Record<string, StatementSync>;
}

/** Shares the database of a `SqliteKeyTable`, which closes it. */
export class SqliteKeyAssignments implements KeyAssignments {
  readonly #file: SqliteFile;
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#statements = prepareAll(file.database);
  }

  async find(keyId: string): Promise<KeyAssignment | undefined> {
    return this.#read(() => this.#statements.find.get(keyId));
  }

  async pending({ gun, role, algorithm }: PendingKeyOf): Promise<KeyAssignment | undefined> {
    return this.#read(() => this.#statements.pending.get(gun, role, algorithm));
  }

  async assign({ keyId, gun, role, algorithm, publicKey, assignedAt, used }: KeyAssignment): Promise<boolean> {
    const values = [keyId, gun, role, algorithm, publicKey, assignedAt.getTime(), used ? 1 : 0] as const;
    return this.#write(() => this.#statements.assign.run(...values));
  }

  async use({ keyId, gun, role }: Pick<KeyAssignment, "keyId" | "gun" | "role">): Promise<boolean> {
    return this.#write(() => this.#statements.use.run(keyId, gun, role));
  }

  async countPending(): Promise<number> {
    return Number(this.#file.read(() => this.#statements.countPending.get())?.["count"]);
  }

  async oldestPending(): Promise<KeyAssignment | undefined> {
    return this.#read(() => this.#statements.oldestPending.get());
  }

  async forget(keyId: string): Promise<boolean> {
    return this.#write(() => this.#statements.forget.run(keyId));
  }

  #read(statement: () => Record<string, SQLOutputValue> | undefined): KeyAssignment | undefined {
    const row = this.#file.read(statement);
    return row && assignmentOf(row);
  }

  async #write(statement: () => { readonly changes: number | bigint }): Promise<boolean> {
    return Number((await this.#file.write(statement)).changes) > 0;
  }
}

function assignmentOf(row: Record<string, SQLOutputValue>): KeyAssignment {
  return {
    keyId: String(row["key_id"]),
    gun: String(row["gun"]),
    role: serverRole(row["role"]),
    algorithm: String(row["algorithm"]),
    publicKey: new Uint8Array(row["public"] as Uint8Array), // a BLOB column
    assignedAt: new Date(Number(row["assigned_at"])),
    used: row["used"] === 1,
  };
}
