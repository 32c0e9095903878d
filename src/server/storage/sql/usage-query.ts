/** How much is stored below a prefix: a few rows of two primary keys, however large the files are. */

import { rangeOf, type Usage } from "../usage-limit.ts";
import type { SqlSession } from "./sql-database.ts";
import type { Queries } from "./sql-engine.ts";

/** Counts what this transaction sees. The bytes of a collection stored by an older release count from the next removal of one of its files. */
export async function usageBelow(session: SqlSession, queries: Queries, prefix: string): Promise<Usage> {
  const { exact, from, end } = rangeOf(prefix);
  const query = queries
    .selectFrom("tagseal_collections as collection")
    .leftJoin("tagseal_collection_sizes as size", "size.gun", "collection.gun")
    .select(({ fn }) => [
      fn.countAll<number>().as("repositories"),
      fn.sum<number | string | null>("size.bytes").as("bytes"),
    ])
    .where("collection.gun", ">=", exact)
    .where("collection.gun", "<", end)
    .where((of) => of.or([of("collection.gun", "=", exact), of("collection.gun", ">=", from)]));
  const [row] = await session.rows(query);
  return { repositories: row?.repositories ?? 0, bytes: Number(row?.bytes ?? 0) };
}
