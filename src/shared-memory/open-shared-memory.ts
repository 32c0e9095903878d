/** Opens the database in which the replicas of a gate remember what they accepted. */
import { openSqlDatabase, type SqlOptions } from "../server/storage/sql/open-sql-database.ts";
import type { TrustCache } from "../trust/ports.ts";
import { DatabaseTrustCache } from "./database-trust-cache.ts";

/** A memory in a database. */
export interface SharedMemory {
  /** `postgres` or `mysql` */
  readonly kind: string;
  /** The memory of one collection, for one reading. */
  cacheFor(gun: string): TrustCache;
  /** Rejects when the database cannot be written now. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** What the operator is told about the database: its warnings, and whether its certificates are watched. */
export type SharedMemoryOptions = Pick<SqlOptions, "onWarning" | "watching">;

/**
 * Opens it and brings its schema up to date.
 *
 * @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION`
 */
export async function openSharedMemory(
  url: string,
  now: () => Date,
  options: SharedMemoryOptions = {},
): Promise<SharedMemory> {
  const database = await openSqlDatabase(url, "memory", options);
  const { queries, name: kind } = database.engine;
  return {
    kind,
    cacheFor: (gun) => new DatabaseTrustCache(database, gun, now),
    check: async () => {
      // a transaction that changes no row: a standby refuses it
      await database.write(
        async (session) => await session.change(queries.deleteFrom("tagseal_remembered").where("id", "=", "")),
      );
    },
    close: async () => await database.close(),
  };
}
