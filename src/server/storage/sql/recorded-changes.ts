/** The lines of the changefeed, and the position of the last one, which each transaction that adds a line locks until its commit. */

import { TagsealError } from "../../../errors.ts";
import { restoreConflict } from "../metadata-store.ts";
import type { Change } from "../change.ts";
import type { NewFile } from "../stored-file.ts";
import type { SqlSession } from "./sql-database.ts";
import type { Queries } from "./sql-engine.ts";

/** A line that has no position yet. */
export type NewChange = Omit<Change, "id">;

/** The changefeed as one transaction sees and extends it. */
export class RecordedChanges {
  readonly #session: SqlSession;
  readonly #queries: Queries;

  constructor(session: SqlSession, queries: Queries) {
    this.#session = session;
    this.#queries = queries;
  }

  /** Adds a line. Call it last of all, since every publication waits here: the position is locked until the commit. */
  async record(change: NewChange): Promise<void> {
    const id = (await this.lockPosition()) + 1;
    await this.#movePosition(id);
    await this.#insert({ id, ...change });
  }

  /** True when an earlier try of this transaction, whose answer was lost, left this line. */
  async isCommittedAlready({ createdAt, gun, sha256, category }: NewChange): Promise<boolean> {
    if (!this.#session.mayBeCommitted) return false;
    const ofCollection = this.#queries.selectFrom("tagseal_changes").select("id").where("gun", "=", gun);
    const same = ofCollection.where("sha256", "=", sha256).where("category", "=", category);
    return (await this.#session.rows(same.where("created_at", "=", createdAt.getTime()))).length > 0;
  }

  /** Stores lines of another store under their positions. @throws TagsealError `STORAGE_CONFLICT`, `STORAGE_FAILED` */
  async restore(changes: readonly Change[]): Promise<void> {
    const last = await this.lockPosition();
    for (const change of changes) await this.#restoreChange(change);
    await this.#movePosition(Math.max(last, ...changes.map(({ id }) => id)));
  }

  /** Waits for every other publication. @returns the position of the last line @throws TagsealError `STORAGE_FAILED` */
  async lockPosition(): Promise<number> {
    const query = this.#queries.selectFrom("tagseal_change_position").select("last_change").where("id", "=", 1);
    const [row] = await this.#session.rows(query.forUpdate());
    if (row === undefined) throw positionLost();
    return row.last_change;
  }

  async #movePosition(last: number): Promise<void> {
    const table = this.#queries.updateTable("tagseal_change_position");
    await this.#session.change(table.set({ last_change: last }).where("id", "=", 1));
  }

  async #restoreChange(change: Change): Promise<void> {
    const { id, gun, sha256, category } = change;
    const [here] = await this.#session.rows(
      this.#queries.selectFrom("tagseal_changes").selectAll().where("id", "=", id),
    );
    if (here === undefined) await this.#insert(change);
    else if (here.gun !== gun || here.sha256 !== sha256 || here.category !== category)
      throw restoreConflict(`change ${id}`);
  }

  async #insert({ id, createdAt, gun, version, sha256, category }: Change): Promise<void> {
    const row = { id, created_at: createdAt.getTime(), gun, version, sha256, category };
    await this.#session.change(this.#queries.insertInto("tagseal_changes").values(row));
  }
}

/** The line for a new timestamp. */
export function updateTo({ version, sha256 }: Pick<NewFile, "version" | "sha256">, gun: string, at: Date): NewChange {
  return { createdAt: at, gun, version, sha256, category: "update" };
}

/** The failure of a transaction that finds no position. */
export function positionLost(): TagsealError {
  return new TagsealError("STORAGE_FAILED", "The changefeed has no position to continue from", {
    hint: "Restore the table tagseal_change_position, which a migration has filled and nothing else empties.",
  });
}
