/**
 * The changes of a collection: each method is one whole transaction. Each first locks the collection's row, so that what it reads afterwards stays
 * true until the commit; where locks do not reach (other nodes of a cluster) the commit itself fails.
 */

import type { Compilable } from "kysely";
import { TagsealError } from "../../../errors.ts";
import type { RoleName } from "../../../tuf/metadata.ts";
import {
  bytesOf,
  deletionTime,
  publishConflict,
  restoreConflict,
  undeleteConflict,
  type Change,
  type NamedDeletion,
  type NamedVersion,
  type NewFile,
  type Publication,
  type StoredFile,
} from "../metadata-store.ts";
import type { Queries, SqlEngine } from "./sql-engine.ts";
import type { SqlSession } from "./sql-database.ts";
import { type Growth, requireRoom, type UsageLimit } from "../usage-limit.ts";
import type { Tables } from "./tables.ts";
import { usageBelow } from "./usage-query.ts";

type NewChange = Omit<Change, "id">;

interface CollectionRow {
  readonly revision: number;
  readonly timestamp_sha256: string | null;
}

/** The transactions of `MetadataStore`, which documents what each method guarantees. */
export class MetadataTransaction {
  readonly #session: SqlSession;
  readonly #engine: SqlEngine;
  readonly #queries: Queries;

  constructor(session: SqlSession, engine: SqlEngine) {
    this.#session = session;
    this.#engine = engine;
    this.#queries = engine.queries;
  }

  async publish({ gun, base, files, at, limits = [] }: Publication): Promise<void> {
    const row = await this.#lock(gun);
    const timestamp = files.find(({ role }) => role === "timestamp");
    const change = timestamp && update(gun, timestamp, at);
    if ((row?.timestamp_sha256 ?? undefined) !== base) {
      if (change !== undefined && (await this.#isCommittedAlready(change))) return;
      throw publishConflict(gun, "its timestamp has changed meanwhile");
    }
    await this.#refuseOldVersions(gun, files);
    const growth = { isNew: row === undefined, bytes: bytesOf(files) };
    await this.#requireRoom(gun, limits, growth);
    const next = rowAfter(row, timestamp?.sha256 ?? base);
    if (change !== undefined && this.#engine.canChainChanges) {
      const recorded = await this.#session.change(this.#publicationStatement(row, next, files, change));
      if (recorded === 0) throw positionLost();
      return;
    }
    await this.#insertFiles(gun, files, at);
    await this.#write(gun, row, next);
    await this.#grow(gun, growth);
    if (change !== undefined) await this.#record(change);
  }

  async remove(gun: string, at: Date): Promise<void> {
    if ((await this.#lock(gun)) === undefined) return;
    const change: NewChange = { createdAt: at, gun, version: 0, sha256: "", category: "deletion" };
    if (await this.#isCommittedAlready(change)) return;
    await this.#keepDeleted(gun, at);
    await this.#session.change(this.#queries.deleteFrom("tagseal_files").where("gun", "=", gun));
    await this.#forgetCollection(gun);
    await this.#record(change);
  }

  async undelete({ gun, deletedAt }: NamedDeletion, at: Date): Promise<boolean> {
    const isThere = (await this.#lock(gun)) !== undefined;
    const kept = await this.#deleted(gun, deletedAt);
    if (kept.length === 0) return isThere && (await this.#isUndeletedAlready(gun, at));
    if (isThere) throw undeleteConflict(gun);
    const back = this.#queries
      .insertInto("tagseal_files")
      .columns(["gun", "role", "version", "sha256", "created_at", "data"])
      .expression((of) =>
        of
          .selectFrom("tagseal_deleted_files")
          .select(["gun", "role", "version", "sha256", "created_at", "data"])
          .where("gun", "=", gun)
          .where("deleted_at", "=", deletedAt.getTime()),
      );
    await this.#session.change(back);
    await this.forgetDeletion({ gun, deletedAt });
    await this.#writeWhatIsThere(gun, undefined);
    const timestamp = kept.findLast(({ role }) => role === "timestamp");
    if (timestamp !== undefined) await this.#record({ createdAt: at, gun, ...timestamp, category: "update" });
    return true;
  }

  async forgetDeletion({ gun, deletedAt }: NamedDeletion): Promise<number> {
    const ofGun = this.#queries.deleteFrom("tagseal_deleted_files").where("gun", "=", gun);
    return await this.#session.change(ofGun.where("deleted_at", "=", deletedAt.getTime()));
  }

  async forget(gun: string, files: readonly NamedVersion[]): Promise<number> {
    const row = await this.#lock(gun);
    if (row === undefined) return 0;
    let forgotten = 0;
    for (const { role, version, sha256 } of files) {
      const ofRole = this.#queries.deleteFrom("tagseal_files").where("gun", "=", gun).where("role", "=", role);
      forgotten += await this.#session.change(ofRole.where("version", "=", version).where("sha256", "=", sha256));
    }
    await this.#writeWhatIsThere(gun, row);
    return forgotten;
  }

  async restore(gun: string, files: readonly StoredFile[]): Promise<void> {
    const row = await this.#lock(gun);
    for (const file of files) await this.#restoreFile(gun, file);
    await this.#writeWhatIsThere(gun, row);
  }

  async restoreChanges(changes: readonly Change[]): Promise<void> {
    const last = await this.#lockPosition();
    for (const change of changes) await this.#restoreChange(change);
    await this.#movePosition(Math.max(last, ...changes.map(({ id }) => id)));
  }

  async #keepDeleted(gun: string, at: Date): Promise<void> {
    const lastOf = this.#queries.selectFrom("tagseal_deleted_files").where("gun", "=", gun);
    const [last] = await this.#session.rows(lastOf.select("deleted_at").orderBy("deleted_at", "desc").limit(1));
    const deletedAt = deletionTime(at, last === undefined ? [] : [new Date(last.deleted_at)]);
    const keep = this.#queries
      .insertInto("tagseal_deleted_files")
      .columns(["gun", "deleted_at", "role", "version", "sha256", "created_at", "data"])
      .expression((of) =>
        of
          .selectFrom("tagseal_files")
          .select([
            "gun",
            of.lit(deletedAt.getTime()).as("deleted_at"),
            "role",
            "version",
            "sha256",
            "created_at",
            "data",
          ])
          .where("gun", "=", gun),
      );
    await this.#session.change(keep);
  }

  /** The files of one deletion, the highest version of each role last. */
  async #deleted(gun: string, deletedAt: Date): Promise<readonly Pick<NewFile, "role" | "version" | "sha256">[]> {
    const ofGun = this.#queries.selectFrom("tagseal_deleted_files").where("gun", "=", gun);
    const query = ofGun.where("deleted_at", "=", deletedAt.getTime()).select(["role", "version", "sha256"]);
    return await this.#session.rows(query.orderBy("version"));
  }

  async #isUndeletedAlready(gun: string, at: Date): Promise<boolean> {
    const newest = this.#queries.selectFrom("tagseal_files").where("gun", "=", gun).where("role", "=", "timestamp");
    const [timestamp] = await this.#session.rows(
      newest.orderBy("version", "desc").select(["version", "sha256"]).limit(1),
    );
    return (
      timestamp !== undefined && this.#isCommittedAlready({ createdAt: at, gun, ...timestamp, category: "update" })
    );
  }

  /** Undefined when there is no such collection: of two transactions that both create it, one fails and is tried again. */
  async #lock(gun: string): Promise<CollectionRow | undefined> {
    const query = this.#queries
      .selectFrom("tagseal_collections")
      .select(["revision", "timestamp_sha256"])
      .where("gun", "=", gun)
      .forUpdate();
    return (await this.#session.rows(query))[0];
  }

  async #write(gun: string, known: CollectionRow | undefined, row: CollectionRow): Promise<void> {
    await this.#session.change(writeRow(this.#queries, gun, known, row));
  }

  /** After single files were added or removed: the newest remaining timestamp counts, and a collection without files does not exist. */
  async #writeWhatIsThere(gun: string, row: CollectionRow | undefined): Promise<void> {
    const files = this.#queries.selectFrom("tagseal_files").where("gun", "=", gun);
    const newest = files.where("role", "=", "timestamp").orderBy("version", "desc").select("sha256").limit(1);
    const [timestamp] = await this.#session.rows(newest);
    const sizes = files.select(({ fn }) => fn.sum<number | string | null>(fn("octet_length", ["data"])).as("bytes"));
    const [{ bytes } = { bytes: null }] = await this.#session.rows(sizes);
    if (bytes === null) return this.#forgetCollection(gun);
    await this.#write(gun, row, rowAfter(row, timestamp?.sha256));
    await this.#grow(gun, { isNew: true, bytes: Number(bytes) });
  }

  async #forgetCollection(gun: string): Promise<void> {
    await this.#session.change(this.#queries.deleteFrom("tagseal_collections").where("gun", "=", gun));
    await this.#session.change(this.#queries.deleteFrom("tagseal_collection_sizes").where("gun", "=", gun));
  }

  /**
   * Counted while the position is locked, for which every publication waits: another publication is either already counted here, or comes later and
   * counts this one.
   */
  async #requireRoom(gun: string, limits: readonly UsageLimit[], growth: Growth): Promise<void> {
    if (limits.length === 0) return;
    await this.#lockPosition();
    for (const limit of limits)
      requireRoom(gun, limit, await usageBelow(this.#session, this.#queries, limit.prefix), growth);
  }

  /** Adds to the stored size, or creates it: an older release may have left an outdated size, or none. */
  async #grow(gun: string, { isNew, bytes }: Growth): Promise<void> {
    const table = this.#queries.updateTable("tagseal_collection_sizes").where("gun", "=", gun);
    const grown = table.set(({ eb }) => ({ bytes: isNew ? bytes : eb("bytes", "+", bytes) }));
    if ((await this.#session.change(grown)) > 0) return;
    await this.#session.change(this.#queries.insertInto("tagseal_collection_sizes").values({ gun, bytes }));
  }

  async #refuseOldVersions(gun: string, files: readonly NewFile[]): Promise<void> {
    if (files.length === 0) return;
    const roles = files.map(({ role }) => role);
    const query = this.#queries
      .selectFrom("tagseal_files")
      .select(({ fn }) => ["role", fn.max("version").as("version")])
      .where("gun", "=", gun)
      .where("role", "in", roles)
      .groupBy("role");
    const stored = new Map((await this.#session.rows(query)).map((row) => [row.role, row.version]));
    for (const { role, version } of files) {
      const highest = stored.get(role) ?? 0;
      if (version <= highest) throw publishConflict(gun, `${role} ${version} is not newer than the stored ${highest}`);
    }
  }

  async #insertFiles(gun: string, files: readonly NewFile[], createdAt: Date): Promise<void> {
    if (files.length === 0) return;
    await this.#session.change(this.#queries.insertInto("tagseal_files").values(fileRows(gun, files, createdAt)));
  }

  async #restoreFile(gun: string, file: StoredFile): Promise<void> {
    const here = await this.#checksum(gun, file.role, file.version);
    if (here === undefined) await this.#insertFiles(gun, [file], file.createdAt);
    else if (here !== file.sha256) throw restoreConflict(`${file.role} ${file.version} of ${gun}`);
  }

  async #checksum(gun: string, role: RoleName, version: number): Promise<string | undefined> {
    const files = this.#queries.selectFrom("tagseal_files").select("sha256").where("gun", "=", gun);
    return (await this.#session.rows(files.where("role", "=", role).where("version", "=", version)))[0]?.sha256;
  }

  /** Last of all, since every publication waits here: the position is locked until the commit. */
  async #record(change: NewChange): Promise<void> {
    const id = (await this.#lockPosition()) + 1;
    await this.#movePosition(id);
    await this.#insertChange({ id, ...change });
  }

  /** Everything a publication writes, in one statement. The position comes after the files, which may be large: all other publications wait for it. */
  #publicationStatement(
    known: CollectionRow | undefined,
    row: CollectionRow,
    files: readonly NewFile[],
    { createdAt, gun, version, sha256, category }: NewChange,
  ): Compilable {
    return this.#queries
      .with("files", (queries) =>
        queries
          .insertInto("tagseal_files")
          .values(fileRows(gun, files, createdAt))
          .returning("version"),
      )
      .with("collection", (queries) => writeRow(queries, gun, known, row))
      .with("size", (queries) =>
        queries
          .insertInto("tagseal_collection_sizes")
          .values({ gun, bytes: bytesOf(files) })
          .onConflict((conflict) =>
            conflict.column("gun").doUpdateSet((of) => ({
              bytes:
                known === undefined
                  ? of.ref("excluded.bytes")
                  : of("tagseal_collection_sizes.bytes", "+", of.ref("excluded.bytes")),
            })),
          ),
      )
      .with("position", (queries) =>
        queries
          .updateTable("tagseal_change_position")
          .set(({ eb }) => ({ last_change: eb("last_change", "+", 1) }))
          .where("id", "=", 1)
          .where((of) => of.selectFrom("files").select(of.fn.countAll<number>().as("count")), "=", files.length)
          .returning("last_change as id"),
      )
      .insertInto("tagseal_changes")
      .columns(["id", "created_at", "gun", "version", "sha256", "category"])
      .expression((of) =>
        of
          .selectFrom("position")
          .select([
            "id",
            of.cast<number>(of.val(createdAt.getTime()), "bigint").as("created_at"),
            of.cast<string>(of.val(gun), "text").as("gun"),
            of.cast<number>(of.val(version), "integer").as("version"),
            of.cast<string>(of.val(sha256), "text").as("sha256"),
            of.cast<string>(of.val(category), "text").as("category"),
          ]),
      );
  }

  /** An earlier try of this transaction, whose answer was lost, left this line. */
  async #isCommittedAlready({ createdAt, gun, sha256, category }: NewChange): Promise<boolean> {
    if (!this.#session.mayBeCommitted) return false;
    const ofCollection = this.#queries.selectFrom("tagseal_changes").select("id").where("gun", "=", gun);
    const same = ofCollection.where("sha256", "=", sha256).where("category", "=", category);
    return (await this.#session.rows(same.where("created_at", "=", createdAt.getTime()))).length > 0;
  }

  async #restoreChange(change: Change): Promise<void> {
    const { id, gun, sha256, category } = change;
    const [here] = await this.#session.rows(
      this.#queries.selectFrom("tagseal_changes").selectAll().where("id", "=", id),
    );
    if (here === undefined) await this.#insertChange(change);
    else if (here.gun !== gun || here.sha256 !== sha256 || here.category !== category)
      throw restoreConflict(`change ${id}`);
  }

  async #insertChange({ id, createdAt, gun, version, sha256, category }: Change): Promise<void> {
    const row = { id, created_at: createdAt.getTime(), gun, version, sha256, category };
    await this.#session.change(this.#queries.insertInto("tagseal_changes").values(row));
  }

  async #lockPosition(): Promise<number> {
    const query = this.#queries.selectFrom("tagseal_change_position").select("last_change").where("id", "=", 1);
    return positionIn(await this.#session.rows(query.forUpdate()));
  }

  async #movePosition(last: number): Promise<void> {
    const table = this.#queries.updateTable("tagseal_change_position");
    await this.#session.change(table.set({ last_change: last }).where("id", "=", 1));
  }
}

/** A collection's row after another change. */
function rowAfter(row: CollectionRow | undefined, sha256: string | undefined): CollectionRow {
  return { revision: (row?.revision ?? 0) + 1, timestamp_sha256: sha256 ?? null };
}

function fileRows(gun: string, files: readonly NewFile[], createdAt: Date): Tables["tagseal_files"][] {
  return files.map(({ role, version, sha256, bytes }) => {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { gun, role, version, sha256, created_at: createdAt.getTime(), data };
  });
}

function writeRow(
  queries: Pick<Queries, "insertInto" | "updateTable">,
  gun: string,
  known: CollectionRow | undefined,
  row: CollectionRow,
) {
  return known === undefined
    ? queries.insertInto("tagseal_collections").values({ gun, ...row })
    : queries
        .updateTable("tagseal_collections")
        .set({ ...row })
        .where("gun", "=", gun);
}

function positionIn([row]: readonly { readonly last_change: number }[]): number {
  if (row !== undefined) return row.last_change;
  throw positionLost();
}

function positionLost(): TagsealError {
  return new TagsealError("STORAGE_FAILED", "The changefeed has no position to continue from", {
    hint: "Restore the table tagseal_change_position, which a migration has filled and nothing else empties.",
  });
}

function update(gun: string, { version, sha256 }: NewFile, createdAt: Date): NewChange {
  return { createdAt, gun, version, sha256, category: "update" };
}
