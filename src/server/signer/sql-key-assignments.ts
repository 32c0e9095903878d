/** Key assignments in a shared database. */

import type { SelectQueryBuilder } from "kysely";
import type { Queries } from "../storage/sql/sql-engine.ts";
import type { SqlDatabase, SqlSession } from "../storage/sql/sql-database.ts";
import type { Tables } from "../storage/sql/tables.ts";
import type { KeyAssignment, KeyAssignments, PendingKeyOf } from "./key-assignments.ts";
import { serverRole } from "./server-role.ts";

type Row = Tables["tagseal_key_assignments"];
type AssignmentQuery = SelectQueryBuilder<Tables, "tagseal_key_assignments", Row>;

/** Shares the database of an `SqlKeyTable`, which closes it. */
export class SqlKeyAssignments implements KeyAssignments {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async find(keyId: string): Promise<KeyAssignment | undefined> {
    return this.#first(this.#all().where("key_id", "=", keyId));
  }

  async pending(of: PendingKeyOf): Promise<KeyAssignment | undefined> {
    return this.#first(this.#pendingOf(of));
  }

  async assign(assignment: KeyAssignment): Promise<boolean> {
    return this.#database.write(async (session) => {
      const [taken] = await session.rows(this.#all().where("key_id", "=", assignment.keyId));
      if (taken !== undefined) return session.mayBeCommitted && isSame(taken, assignment);
      if (!assignment.used && (await this.#isPromised(session, assignment))) return false;
      // Of two concurrent attempts one violates the table's constraints and is tried again.
      await session.change(this.#queries.insertInto("tagseal_key_assignments").values(rowOf(assignment)));
      return true;
    });
  }

  async use({ keyId, gun, role }: Pick<KeyAssignment, "keyId" | "gun" | "role">): Promise<boolean> {
    const update = this.#queries
      .updateTable("tagseal_key_assignments")
      .set({ pending: null })
      .where("key_id", "=", keyId)
      .where("gun", "=", gun)
      .where("role", "=", role);
    return (await this.#database.write((session) => session.change(update))) > 0;
  }

  async countPending(): Promise<number> {
    const query = this.#queries
      .selectFrom("tagseal_key_assignments")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("pending", "=", 1);
    return (await this.#database.read((session) => session.rows(query)))[0]?.count ?? 0;
  }

  async oldestPending(): Promise<KeyAssignment | undefined> {
    return this.#first(this.#all().where("pending", "=", 1).orderBy("assigned_at").orderBy("key_id"));
  }

  async forget(keyId: string): Promise<boolean> {
    const deletion = this.#queries.deleteFrom("tagseal_key_assignments").where("key_id", "=", keyId);
    return (await this.#database.write((session) => session.change(deletion.where("pending", "=", 1)))) > 0;
  }

  get #queries(): Queries {
    return this.#database.queries;
  }

  #all(): AssignmentQuery {
    return this.#queries.selectFrom("tagseal_key_assignments").selectAll();
  }

  #pendingOf({ gun, role, algorithm }: PendingKeyOf): AssignmentQuery {
    return this.#all()
      .where("gun", "=", gun)
      .where("role", "=", role)
      .where("algorithm", "=", algorithm)
      .where("pending", "=", 1);
  }

  async #isPromised(session: SqlSession, of: PendingKeyOf): Promise<boolean> {
    return (await session.rows(this.#pendingOf(of))).length > 0;
  }

  async #first(query: AssignmentQuery): Promise<KeyAssignment | undefined> {
    const [row] = await this.#database.read((session) => session.rows(query.limit(1)));
    return row && assignmentOf(row);
  }
}

function isSame(row: Row, { gun, role, assignedAt }: KeyAssignment): boolean {
  return row.gun === gun && row.role === role && row.assigned_at === assignedAt.getTime();
}

function rowOf({ keyId, gun, role, algorithm, publicKey, assignedAt, used }: KeyAssignment): Row {
  const at = assignedAt.getTime();
  const pending = used ? null : 1;
  return { key_id: keyId, gun, role, algorithm, public: Buffer.from(publicKey), assigned_at: at, pending };
}

function assignmentOf(row: Row): KeyAssignment {
  return {
    keyId: row.key_id,
    gun: row.gun,
    role: serverRole(row.role),
    algorithm: row.algorithm,
    publicKey: new Uint8Array(row.public),
    assignedAt: new Date(row.assigned_at),
    used: row.pending === null,
  };
}
