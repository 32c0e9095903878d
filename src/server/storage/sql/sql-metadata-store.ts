/** The store of any number of servers that share a database: each publication is one transaction. */

import { randomBytes, randomUUID } from "node:crypto";
import type { Compilable, CompiledQuery, SelectQueryBuilder } from "kysely";
import type { RoleName } from "../../../tuf/metadata.ts";
import type { Change, ChangeQuery } from "../change.ts";
import type { Deletion, NamedDeletion } from "../deletion.ts";
import type { MetadataStore, NewPublication } from "../metadata-store.ts";
import type { FileVersion, StoredFile, NamedVersion } from "../stored-file.ts";
import { MetadataTransaction } from "./metadata-transaction.ts";
import type { Queries } from "./sql-engine.ts";
import type { SqlDatabase, SqlSession } from "./sql-database.ts";
import type { Usage } from "../usage-limit.ts";
import type { Tables } from "./tables.ts";
import { SqlProposalStore } from "./sql-proposal-store.ts";
import { usageBelow } from "./usage-query.ts";

/** What the health probe writes: more than the free space of a page, so that a full disk shows; noise, since PostgreSQL compresses zeros. */
const probeBytes = 16_384;
/** for queries that a caller waits for, or whose answer is useless later */
const revisionTimeoutMs = 2000;
const maxWrittenOnce = 32;

/** Without a collection, the others are null. */
interface RevisionRow {
  readonly is_primary: boolean | number;
  readonly gun: string | null;
  readonly revision: number | null;
  readonly timestamp_sha256: string | null;
}

type FileQuery = SelectQueryBuilder<Tables, "tagseal_files", Tables["tagseal_files"]>;

/** Keeps files in an SQL database whose schema is up to date. */
export class SqlMetadataStore implements MetadataStore {
  readonly proposals: SqlProposalStore;
  readonly #database: SqlDatabase;
  /** distinguishes this process's health probe from those of other replicas, which must not wait for each other */
  readonly #writer = randomUUID();
  /** by the number of names in it */
  readonly #revisionQueries: CompiledQuery<RevisionRow>[] = [];

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.proposals = new SqlProposalStore(database);
  }

  async publish(publication: NewPublication): Promise<void> {
    await this.#write((transaction) => transaction.publish(publication));
  }

  async current(gun: string, role: RoleName): Promise<StoredFile | undefined> {
    return this.#newest(this.#files(gun, role));
  }

  async byChecksum(gun: string, role: RoleName, sha256: string): Promise<StoredFile | undefined> {
    const files = this.#files(gun, role).where("sha256", "=", sha256);
    return this.#database.findUnchanging((session) => newest(session, files));
  }

  async byVersion(gun: string, role: RoleName, version: number): Promise<StoredFile | undefined> {
    return this.#newest(this.#files(gun, role).where("version", "=", version));
  }

  async remove(gun: string, at: Date): Promise<void> {
    await this.#write((transaction) => transaction.remove(gun, at));
  }

  async deletions(after: NamedDeletion | undefined, limit: number): Promise<readonly Deletion[]> {
    const every = this.#queries
      .selectFrom("tagseal_deleted_files")
      .select(["gun", "deleted_at"])
      .select(({ fn }) => [
        fn.countAll<number>().as("files"),
        fn.sum<number | string>(fn("octet_length", ["data"])).as("bytes"),
      ])
      .groupBy(["gun", "deleted_at"])
      .orderBy("gun")
      .orderBy("deleted_at")
      .limit(limit);
    const wanted =
      after === undefined
        ? every
        : every.where((of) =>
            of.or([
              of("gun", ">", after.gun),
              of.and([of("gun", "=", after.gun), of("deleted_at", ">", after.deletedAt.getTime())]),
            ]),
          );
    const rows = await this.#database.read((session) => session.rows(wanted));
    return rows.map(({ gun, deleted_at, files, bytes }) => {
      return { gun, deletedAt: new Date(deleted_at), files, bytes: Number(bytes) };
    });
  }

  async undelete(deletion: NamedDeletion, at: Date): Promise<boolean> {
    return this.#write((transaction) => transaction.undelete(deletion, at));
  }

  async forgetDeletion(deletion: NamedDeletion): Promise<number> {
    return this.#write((transaction) => transaction.forgetDeletion(deletion));
  }

  async changes({ gun, from, limit, backwards }: ChangeQuery): Promise<readonly Change[]> {
    const every = this.#queries.selectFrom("tagseal_changes").selectAll().limit(limit);
    const wanted = gun === undefined ? every : every.where("gun", "=", gun);
    const upTo = backwards && from === 0 ? wanted : wanted.where("id", backwards ? "<" : ">", from);
    const rows = await this.#database.read((session) => session.rows(upTo.orderBy("id", backwards ? "desc" : "asc")));
    const changes = rows.map(changeOf);
    return backwards ? changes.reverse() : changes;
  }

  async guns(after: string, limit: number): Promise<readonly string[]> {
    const query = this.#queries
      .selectFrom("tagseal_collections")
      .select("gun")
      .where("gun", ">", after)
      .orderBy("gun")
      .limit(limit);
    return (await this.#database.read((session) => session.rows(query))).map((row) => row.gun);
  }

  async usage(prefix: string): Promise<Usage> {
    return this.#database.read((session) => usageBelow(session, this.#queries, prefix));
  }

  async versions(gun: string): Promise<readonly FileVersion[]> {
    const query = this.#queries
      .selectFrom("tagseal_files")
      .select(["role", "version", "sha256", "created_at"])
      .select(({ fn }) => fn<number>("octet_length", ["data"]).as("length"))
      .where("gun", "=", gun)
      .orderBy("role")
      .orderBy("version");
    const rows = await this.#database.read((session) => session.rows(query));
    return rows.map(({ role, version, sha256, length, created_at }) => {
      return { role, version, sha256, length, createdAt: new Date(created_at) };
    });
  }

  async forget(gun: string, files: readonly NamedVersion[]): Promise<number> {
    return this.#write((transaction) => transaction.forget(gun, files));
  }

  async restore(gun: string, files: readonly StoredFile[]): Promise<void> {
    await this.#write((transaction) => transaction.restore(gun, files));
  }

  async restoreChanges(changes: readonly Change[]): Promise<void> {
    await this.#write((transaction) => transaction.restoreChanges(changes));
  }

  async revision(guns: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const query = this.#revisionsOf(guns);
    const rows = await this.#database.read(
      async (session) => provenCurrent(await session.rows(query)),
      revisionTimeoutMs,
    );
    const known = rows.filter((row) => row.gun !== null);
    return new Map(known.map((row) => [row.gun ?? "", `${row.revision} ${row.timestamp_sha256}`]));
  }

  async time(): Promise<Date> {
    return this.#database.time(revisionTimeoutMs);
  }

  async check(): Promise<void> {
    const writer = this.#writer;
    await this.#database.write(async (session) => {
      const row = { writer, filler: randomBytes(probeBytes) };
      await session.change(this.#queries.insertInto("tagseal_probes").values(row));
      await session.change(this.#queries.deleteFrom("tagseal_probes").where("writer", "=", writer));
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** Built once for each number of names: no other statement runs so often. */
  #revisionsOf(guns: readonly string[]): Compilable<RevisionRow> {
    if (guns.length > maxWrittenOnce) return { compile: () => this.#writeRevisions(guns) };
    const written = (this.#revisionQueries[guns.length] ??= this.#writeRevisions(guns));
    return { compile: () => ({ ...written, parameters: guns }) };
  }

  /** At least one row, which shows whether the answering server is current. */
  #writeRevisions(guns: readonly string[]): CompiledQuery<RevisionRow> {
    const of = this.#queries.selectFrom("tagseal_collections").selectAll().where("gun", "in", guns).compile();
    const { isPrimaryNow } = this.#database.engine;
    const sql = `SELECT is_primary, found.* FROM (SELECT ${isPrimaryNow} AS is_primary) AS server LEFT JOIN (${of.sql}) AS found ON TRUE`;
    return { ...of, sql };
  }

  get #queries(): Queries {
    return this.#database.queries;
  }

  #files(gun: string, role: RoleName): FileQuery {
    return this.#queries.selectFrom("tagseal_files").selectAll().where("gun", "=", gun).where("role", "=", role);
  }

  #newest(files: FileQuery): Promise<StoredFile | undefined> {
    return this.#database.read((session) => newest(session, files));
  }

  #write<T>(work: (transaction: MetadataTransaction) => Promise<T>): Promise<T> {
    return this.#database.write((session) => work(new MetadataTransaction(session, this.#database.engine)));
  }
}

async function newest(session: SqlSession, files: FileQuery): Promise<StoredFile | undefined> {
  const [row] = await session.rows(files.orderBy("version", "desc").limit(1));
  if (row === undefined) return undefined;
  const { role, version, sha256, data: bytes, created_at } = row;
  return { role, version, sha256, bytes, createdAt: new Date(created_at) };
}

/** The answer of a server that became a standby is out of date; a foreign error makes the next host be tried. */
function provenCurrent(rows: readonly RevisionRow[]): readonly RevisionRow[] {
  if (rows.every((row) => Boolean(row.is_primary))) return rows;
  throw new Error("the server that was asked is only a standby now");
}

function changeOf(row: Tables["tagseal_changes"]): Change {
  return {
    id: row.id,
    createdAt: new Date(row.created_at),
    gun: row.gun,
    version: row.version,
    sha256: row.sha256,
    category: row.category === "deletion" ? "deletion" : "update",
  };
}
