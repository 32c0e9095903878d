/** A publication in one statement, for servers that can chain changes: it costs one round trip, however many tables it writes. */

import type { Compilable, ExpressionBuilder } from "kysely";
import { bytesOf, type NewFile } from "../stored-file.ts";
import { type CollectionRow, fileRows, writeRow } from "./collection-rows.ts";
import type { NewChange } from "./recorded-changes.ts";
import type { Queries } from "./sql-engine.ts";

/** Everything that a publication writes. */
export interface WrittenPublication {
  /** as the transaction found it; undefined for a new collection */
  readonly known: CollectionRow | undefined;
  readonly row: CollectionRow;
  readonly files: readonly NewFile[];
  readonly change: NewChange;
}

/**
 * The statement. It adds no line when the changefeed has no position to continue from. The position comes after the files, which may be large: all
 * other publications wait for it.
 */
export function publicationStatement(queries: Queries, { known, row, files, change }: WrittenPublication): Compilable {
  const { createdAt, gun } = change;
  return queries
    .with("files", (of) =>
      of
        .insertInto("tagseal_files")
        .values(fileRows(gun, files, createdAt))
        .returning("version"),
    )
    .with("collection", (of) => writeRow(of, gun, known, row))
    .with("size", (of) => writeSize(of, gun, bytesOf(files), known === undefined))
    .with("position", (of) =>
      of
        .updateTable("tagseal_change_position")
        .set(({ eb }) => ({ last_change: eb("last_change", "+", 1) }))
        .where("id", "=", 1)
        .where((all) => all.selectFrom("files").select(all.fn.countAll<number>().as("count")), "=", files.length)
        .returning("last_change as id"),
    )
    .insertInto("tagseal_changes")
    .columns(["id", "created_at", "gun", "version", "sha256", "category"])
    .expression((of) => of.selectFrom("position").select(["id", ...lineOf(of, change)]));
}

/** An older release may have left an outdated size of a collection that is new now. */
function writeSize(queries: Pick<Queries, "insertInto">, gun: string, bytes: number, isNew: boolean) {
  return queries
    .insertInto("tagseal_collection_sizes")
    .values({ gun, bytes })
    .onConflict((conflict) =>
      conflict.column("gun").doUpdateSet((of) => ({
        bytes: isNew ? of.ref("excluded.bytes") : of("tagseal_collection_sizes.bytes", "+", of.ref("excluded.bytes")),
      })),
    );
}

/** The line, with the types that a server cannot guess. */
function lineOf<Known, Names extends keyof Known>(
  of: Pick<ExpressionBuilder<Known, Names>, "cast" | "val">,
  { createdAt, gun, version, sha256, category }: NewChange,
) {
  return [
    of.cast<number>(of.val(createdAt.getTime()), "bigint").as("created_at"),
    of.cast<string>(of.val(gun), "text").as("gun"),
    of.cast<number>(of.val(version), "integer").as("version"),
    of.cast<string>(of.val(sha256), "text").as("sha256"),
    of.cast<string>(of.val(category), "text").as("category"),
  ] as const;
}
