/** The signer's rows in a database shared by servers or signers. */

import { randomBytes, randomUUID } from "node:crypto";
import type { Compilable, SelectQueryBuilder } from "kysely";
import type { ServerRole } from "../../tuf/metadata.ts";
import type { Queries } from "../storage/sql/sql-engine.ts";
import type { SqlDatabase, SqlSession } from "../storage/sql/sql-database.ts";
import type { Tables } from "../storage/sql/tables.ts";
import type { KeyAssignments } from "./key-assignments.ts";
import type { KeyTable, Sealed, SealedKey } from "./key-table.ts";
import { serverRole } from "./server-role.ts";
import { SqlKeyAssignments } from "./sql-key-assignments.ts";

type Row = Tables["tagseal_keys"];
type KeyQuery = SelectQueryBuilder<Tables, "tagseal_keys", Row>;

/** What the health probe writes: more than the free space of a page, so that a full disk shows; noise, since PostgreSQL compresses zeros. */
const probeBytes = 16_384;

/**
 * Stores everything in an SQL database whose schema is up to date. It never reads from a node that is cut off from its cluster: the next key follows
 * from the used ones.
 */
export class SqlKeyTable implements KeyTable {
  readonly assignments: KeyAssignments;
  readonly #database: SqlDatabase;
  /** distinguishes this process's health probe from others, which must not wait for each other */
  readonly #probe = `health probe ${randomUUID()}`;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.assignments = new SqlKeyAssignments(database);
  }

  async derivationSecret(): Promise<Sealed | undefined> {
    return this.#database.read((session) => this.#secret(session));
  }

  async keepDerivationSecret({ sealed, alias }: Sealed): Promise<Sealed> {
    return this.#database.write(async (session) => {
      const kept = await this.#secret(session);
      if (kept !== undefined) return kept;
      const row = { id: 1, sealed, passphrase_alias: alias };
      await session.change(this.#queries.insertInto("tagseal_derivation_secret").values(row));
      return { sealed, alias };
    });
  }

  async resealDerivationSecret(from: Sealed, to: Sealed): Promise<boolean> {
    return this.#database.write(async (session) => {
      const update = this.#queries
        .updateTable("tagseal_derivation_secret")
        .set({ sealed: to.sealed, passphrase_alias: to.alias })
        .where("sealed", "=", from.sealed)
        .where("passphrase_alias", "=", from.alias);
      if ((await session.change(update)) > 0) return true;
      return session.mayBeCommitted && isSame(await this.#secret(session), to);
    });
  }

  async findKey(gun: string, role: ServerRole, keyId: string): Promise<SealedKey | undefined> {
    return this.#key(this.#kept().where("key_id", "=", keyId).where("gun", "=", gun).where("role", "=", role));
  }

  async keyById(keyId: string): Promise<SealedKey | undefined> {
    return this.#key(this.#kept().where("key_id", "=", keyId));
  }

  async countKeys(gun: string, role: ServerRole): Promise<number> {
    const query = this.#queries
      .selectFrom("tagseal_keys")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("gun", "=", gun)
      .where("role", "=", role);
    return (await this.#rows(query))[0]?.count ?? 0;
  }

  async count(): Promise<number> {
    const query = this.#queries
      .selectFrom("tagseal_keys")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("deleted_at", "is", null);
    return (await this.#rows(query))[0]?.count ?? 0;
  }

  async insertKey(key: SealedKey): Promise<boolean> {
    return this.#database.write(async (session) => {
      const query = this.#queries.selectFrom("tagseal_keys").select("deleted_at").where("key_id", "=", key.keyId);
      const [known] = await session.rows(query);
      if (known !== undefined) return known.deleted_at === null;
      await session.change(this.#queries.insertInto("tagseal_keys").values(rowOf(key)));
      return true;
    });
  }

  async keepFor(keyId: string, gun: string, role: ServerRole): Promise<boolean> {
    const update = this.#queries
      .updateTable("tagseal_keys")
      .set({ gun, role })
      .where("key_id", "=", keyId)
      .where("gun", "=", "")
      .where("role", "=", "")
      .where("deleted_at", "is", null);
    await this.#database.write((session) => session.change(update));
    return (await this.findKey(gun, role, keyId)) !== undefined;
  }

  async keys(afterKeyId: string, limit: number): Promise<readonly SealedKey[]> {
    return (await this.#rows(this.#kept().where("key_id", ">", afterKeyId).orderBy("key_id").limit(limit))).map(keyOf);
  }

  async oneKeyPerAlias(): Promise<readonly SealedKey[]> {
    const firsts = this.#queries
      .selectFrom("tagseal_keys")
      .select(({ fn }) => fn.min("key_id").as("key_id"))
      .where("deleted_at", "is", null)
      .groupBy("passphrase_alias");
    return (await this.#rows(this.#kept().where("key_id", "in", firsts))).map(keyOf);
  }

  async resealKey(keyId: string, from: Sealed, to: Sealed): Promise<boolean> {
    return this.#database.write(async (session) => {
      const update = this.#queries
        .updateTable("tagseal_keys")
        .set({ private: to.sealed, passphrase_alias: to.alias })
        .where("key_id", "=", keyId)
        .where("private", "=", from.sealed)
        .where("passphrase_alias", "=", from.alias)
        .where("deleted_at", "is", null);
      if ((await session.change(update)) > 0) return true;
      const [row] = await session.rows(this.#kept().where("key_id", "=", keyId));
      return session.mayBeCommitted && isSame(row && keyOf(row), to);
    });
  }

  async removeKey(keyId: string, at: Date): Promise<boolean> {
    const update = this.#queries
      .updateTable("tagseal_keys")
      .set({ private: "", deleted_at: at.getTime() })
      .where("key_id", "=", keyId)
      .where("deleted_at", "is", null);
    return (await this.#database.write((session) => session.change(update))) > 0;
  }

  async removedKeys(afterKeyId: string, limit: number): Promise<readonly SealedKey[]> {
    const removed = this.#queries.selectFrom("tagseal_keys").selectAll().where("deleted_at", "is not", null);
    return (await this.#rows(removed.where("key_id", ">", afterKeyId).orderBy("key_id").limit(limit))).map(keyOf);
  }

  async dropKey(keyId: string, { sealed, alias }: Sealed): Promise<boolean> {
    const drop = this.#queries
      .deleteFrom("tagseal_keys")
      .where("key_id", "=", keyId)
      .where("private", "=", sealed)
      .where("passphrase_alias", "=", alias)
      .where("deleted_at", "is", null);
    return await this.#dropped(drop, async () => (await this.keyById(keyId)) === undefined);
  }

  async dropDerivationSecret({ sealed, alias }: Sealed): Promise<boolean> {
    const drop = this.#queries
      .deleteFrom("tagseal_derivation_secret")
      .where("sealed", "=", sealed)
      .where("passphrase_alias", "=", alias);
    return await this.#dropped(drop, async () => (await this.derivationSecret()) === undefined);
  }

  /** Servers share this database, and one cannot see the others here. */
  async requireAlone(): Promise<void> {}

  /** The database decides what happens to the pages of deleted rows. */
  async scrub(): Promise<void> {}

  async check(): Promise<void> {
    await this.derivationSecret();
    const row = { key_id: this.#probe, gun: "", role: "", algorithm: "", assigned_at: 0, pending: null };
    await this.#database.write(async (session) => {
      const filled = { ...row, public: randomBytes(probeBytes) };
      await session.change(this.#queries.insertInto("tagseal_key_assignments").values(filled));
      await session.change(this.#queries.deleteFrom("tagseal_key_assignments").where("key_id", "=", this.#probe));
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  get #queries(): Queries {
    return this.#database.queries;
  }

  #kept(): KeyQuery {
    return this.#queries.selectFrom("tagseal_keys").selectAll().where("deleted_at", "is", null);
  }

  async #key(query: KeyQuery): Promise<SealedKey | undefined> {
    const [row] = await this.#rows(query);
    return row && keyOf(row);
  }

  async #secret(session: SqlSession): Promise<Sealed | undefined> {
    const [row] = await session.rows(this.#queries.selectFrom("tagseal_derivation_secret").selectAll());
    return row && { sealed: row.sealed, alias: row.passphrase_alias };
  }

  /** The answer to an earlier try may have been lost: then there is nothing left to change. */
  async #dropped(drop: Compilable, isGone: () => Promise<boolean>): Promise<boolean> {
    let mayBeCommitted = false;
    const dropped = await this.#database.write(async (session) => {
      ({ mayBeCommitted } = session);
      return await session.change(drop);
    });
    return dropped > 0 || (mayBeCommitted && (await isGone()));
  }

  #rows<Found>(query: Compilable<Found>): Promise<readonly Found[]> {
    return this.#database.read((session) => session.rows(query));
  }
}

function isSame(found: Sealed | undefined, wanted: Sealed): boolean {
  return found?.sealed === wanted.sealed && found.alias === wanted.alias;
}

function rowOf({ keyId, gun, role, algorithm, publicKey, sealed, alias, createdAt }: SealedKey): Row {
  return {
    key_id: keyId,
    created_at: createdAt.getTime(),
    gun,
    role,
    algorithm,
    passphrase_alias: alias,
    public: Buffer.from(publicKey),
    private: sealed,
    deleted_at: null,
  };
}

function keyOf(row: Row): SealedKey {
  return {
    keyId: row.key_id,
    gun: row.gun,
    role: row.role === "" ? "" : serverRole(row.role),
    algorithm: row.algorithm,
    publicKey: new Uint8Array(row.public),
    sealed: row.private,
    alias: row.passphrase_alias,
    createdAt: new Date(row.created_at),
  };
}
