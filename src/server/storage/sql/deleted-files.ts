/** The files of deleted collections, which are kept until their deletion is forgotten. */

import { deletionTime, type NamedDeletion } from "../deletion.ts";
import type { NewFile } from "../stored-file.ts";
import type { SqlSession } from "./sql-database.ts";
import type { Queries } from "./sql-engine.ts";

/** Deletions as one transaction sees and changes them. */
export class DeletedFiles {
  readonly #session: SqlSession;
  readonly #queries: Queries;

  constructor(session: SqlSession, queries: Queries) {
    this.#session = session;
    this.#queries = queries;
  }

  /** The files of one deletion, the highest version of each role last. */
  async of({ gun, deletedAt }: NamedDeletion): Promise<readonly Pick<NewFile, "role" | "version" | "sha256">[]> {
    const ofGun = this.#queries.selectFrom("tagseal_deleted_files").where("gun", "=", gun);
    const query = ofGun.where("deleted_at", "=", deletedAt.getTime()).select(["role", "version", "sha256"]);
    return await this.#session.rows(query.orderBy("version"));
  }

  /** Copies all files of a collection into a new deletion. */
  async keep(gun: string, at: Date): Promise<void> {
    const deletedAt = await this.#nextDeletion(gun, at);
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

  /** Moves the files of a deletion back into their collection, which has none. */
  async bringBack({ gun, deletedAt }: NamedDeletion): Promise<void> {
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
    await this.forget({ gun, deletedAt });
  }

  /** Removes a deletion permanently. @returns how many files it had */
  async forget({ gun, deletedAt }: NamedDeletion): Promise<number> {
    const ofGun = this.#queries.deleteFrom("tagseal_deleted_files").where("gun", "=", gun);
    return await this.#session.change(ofGun.where("deleted_at", "=", deletedAt.getTime()));
  }

  async #nextDeletion(gun: string, at: Date): Promise<Date> {
    const ofGun = this.#queries.selectFrom("tagseal_deleted_files").where("gun", "=", gun);
    const [last] = await this.#session.rows(ofGun.select("deleted_at").orderBy("deleted_at", "desc").limit(1));
    return deletionTime(at, last === undefined ? [] : [new Date(last.deleted_at)]);
  }
}
