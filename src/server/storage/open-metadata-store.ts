/**
 * The one place where stores are opened, of whatever kind: an SQLite file, or the address of a shared database. What shared databases need is loaded
 * only for them.
 */

import { join } from "node:path";
import { isDatabaseUrl } from "./sql/database-address.ts";
import type { MetadataStore } from "./metadata-store.ts";
import { requireDataDir } from "./require-database.ts";
import type { SqlOptions } from "./sql/open-sql-database.ts";
import { SqliteMetadataStore } from "./sqlite-metadata-store.ts";

/** Where the metadata is: a shared database, or else a file in the data directory. */
export interface StorePlace {
  readonly database?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly sqlLimits?: SqlOptions["limits"];
}

/**
 * Opens the store of a server.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`
 */
export async function openStoreOf(
  { database, dataDir, sqlLimits }: StorePlace,
  how: Pick<SqlOptions, "onWarning" | "refuseUnimported" | "watching"> = {},
): Promise<MetadataStore> {
  if (database !== undefined) return await openMetadataStore(database, { ...how, limits: sqlLimits });
  return new SqliteMetadataStore({ path: join(requireDataDir(dataDir), "metadata.db") });
}

/**
 * Opens a store and brings its schema up to date.
 *
 * @param url a path, `postgres://…`, `mysql://…` (several hosts: `mysql://u:p@h1:3306,h2:3306/db`), or a data source name of Notary's
 * @throws TagsealError `STORAGE_FAILED` when it cannot be opened; `SERVER_CONFIGURATION` for an unknown form of address, a driver that is not
 * installed, or a schema that a newer release wrote
 */
export async function openMetadataStore(url: string, options: SqlOptions = {}): Promise<MetadataStore> {
  if (!isDatabaseUrl(url)) return new SqliteMetadataStore({ path: url });
  const { openSqlDatabase } = await import("./sql/open-sql-database.ts");
  const { SqlMetadataStore } = await import("./sql/sql-metadata-store.ts");
  return new SqlMetadataStore(await openSqlDatabase(url, "metadata", options));
}

/**
 * Brings a store's schema up to date and closes it again: for operators who run the server with an account that may not change tables.
 *
 * @returns how many steps were run; 0 for an SQLite file, which is brought up to date whenever it is opened
 */
export async function migrateMetadataStore(url: string, options: SqlOptions = {}): Promise<number> {
  if (isDatabaseUrl(url)) {
    const { migrateDatabase } = await import("./sql/open-sql-database.ts");
    return await migrateDatabase(url, "metadata", options);
  }
  await new SqliteMetadataStore({ path: url }).close();
  return 0;
}
