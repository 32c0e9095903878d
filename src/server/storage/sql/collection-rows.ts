/** The rows of one collection: its own, and those of its files. */

import type { NewFile } from "../stored-file.ts";
import type { Queries } from "./sql-engine.ts";
import type { Tables } from "./tables.ts";

/** The row that every change of a collection locks. */
export interface CollectionRow {
  /** rises with every change */
  readonly revision: number;
  readonly timestamp_sha256: string | null;
}

/** The row of a collection after another change, which left it with this timestamp. */
export function rowAfter(row: CollectionRow | undefined, sha256: string | undefined): CollectionRow {
  return { revision: (row?.revision ?? 0) + 1, timestamp_sha256: sha256 ?? null };
}

/** The statement that writes the row; `known` is the one found before, undefined for a new collection. */
export function writeRow(
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

/** The rows of files, all created at the same time. */
export function fileRows(gun: string, files: readonly NewFile[], createdAt: Date): Tables["tagseal_files"][] {
  return files.map(({ role, version, sha256, bytes }) => {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { gun, role, version, sha256, created_at: createdAt.getTime(), data };
  });
}
