/**
 * The changes of a collection: each method is one whole transaction. Each first locks the collection's row, so that what it reads afterwards stays
 * true until the commit; where locks do not reach (other nodes of a cluster) the commit itself fails.
 */

import type { RoleName } from "../../../tuf/metadata.ts";
import { publishConflict, restoreConflict, type NewPublication } from "../metadata-store.ts";
import { undeleteConflict, type NamedDeletion } from "../deletion.ts";
import type { Change } from "../change.ts";
import { bytesOf, type NamedVersion, type NewFile, type StoredFile } from "../stored-file.ts";
import { type CollectionRow, fileRows, rowAfter, writeRow } from "./collection-rows.ts";
import { DeletedFiles } from "./deleted-files.ts";
import { publicationStatement } from "./publication-statement.ts";
import { type NewChange, positionLost, RecordedChanges, updateTo } from "./recorded-changes.ts";
import type { Queries, SqlEngine } from "./sql-engine.ts";
import type { SqlSession } from "./sql-database.ts";
import { type Growth, requireRoom, type UsageLimit } from "../usage-limit.ts";
import { usageBelow } from "./usage-query.ts";

/** The transactions of `MetadataStore`, which documents what each method guarantees. */
export class MetadataTransaction {
  readonly #session: SqlSession;
  readonly #engine: SqlEngine;
  readonly #queries: Queries;
  readonly #changes: RecordedChanges;
  readonly #deletedFiles: DeletedFiles;

  constructor(session: SqlSession, engine: SqlEngine) {
    this.#session = session;
    this.#engine = engine;
    this.#queries = engine.queries;
    this.#changes = new RecordedChanges(session, engine.queries);
    this.#deletedFiles = new DeletedFiles(session, engine.queries);
  }

  async publish({ gun, base, files, at, limits = [] }: NewPublication): Promise<void> {
    const row = await this.#lock(gun);
    const timestamp = files.find(({ role }) => role === "timestamp");
    const change = timestamp && updateTo(timestamp, gun, at);
    if ((row?.timestamp_sha256 ?? undefined) !== base) {
      if (change !== undefined && (await this.#changes.isCommittedAlready(change))) return;
      throw publishConflict(gun, "its timestamp has changed meanwhile");
    }
    await this.#refuseOldVersions(gun, files);
    const growth = { isNew: row === undefined, bytes: bytesOf(files) };
    await this.#requireRoom(gun, limits, growth);
    const next = rowAfter(row, timestamp?.sha256 ?? base);
    if (change !== undefined && this.#engine.canChainChanges) {
      const whole = publicationStatement(this.#queries, { known: row, row: next, files, change });
      if ((await this.#session.change(whole)) === 0) throw positionLost();
      return;
    }
    await this.#insertFiles(gun, files, at);
    await this.#write(gun, row, next);
    await this.#grow(gun, growth);
    if (change !== undefined) await this.#changes.record(change);
  }

  async remove(gun: string, at: Date): Promise<void> {
    if ((await this.#lock(gun)) === undefined) return;
    const change: NewChange = { createdAt: at, gun, version: 0, sha256: "", category: "deletion" };
    if (await this.#changes.isCommittedAlready(change)) return;
    await this.#deletedFiles.keep(gun, at);
    await this.#session.change(this.#queries.deleteFrom("tagseal_files").where("gun", "=", gun));
    await this.#session.change(this.#queries.deleteFrom("tagseal_proposals").where("gun", "=", gun));
    await this.#forgetCollection(gun);
    await this.#changes.record(change);
  }

  async undelete({ gun, deletedAt }: NamedDeletion, at: Date): Promise<boolean> {
    const isThere = (await this.#lock(gun)) !== undefined;
    const kept = await this.#deletedFiles.of({ gun, deletedAt });
    if (kept.length === 0) return isThere && (await this.#isUndeletedAlready(gun, at));
    if (isThere) throw undeleteConflict(gun);
    await this.#deletedFiles.bringBack({ gun, deletedAt });
    await this.#writeWhatIsThere(gun, undefined);
    const timestamp = kept.findLast(({ role }) => role === "timestamp");
    if (timestamp !== undefined) await this.#changes.record(updateTo(timestamp, gun, at));
    return true;
  }

  async forgetDeletion(deletion: NamedDeletion): Promise<number> {
    return this.#deletedFiles.forget(deletion);
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
    await this.#changes.restore(changes);
  }

  async #isUndeletedAlready(gun: string, at: Date): Promise<boolean> {
    const newest = this.#queries.selectFrom("tagseal_files").where("gun", "=", gun).where("role", "=", "timestamp");
    const [timestamp] = await this.#session.rows(
      newest.orderBy("version", "desc").select(["version", "sha256"]).limit(1),
    );
    return timestamp !== undefined && this.#changes.isCommittedAlready(updateTo(timestamp, gun, at));
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
    await this.#changes.lockPosition();
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
}
