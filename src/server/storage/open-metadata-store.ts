/** From one line of configuration to a store: the path of an SQLite file, or the address of a shared database. */

import { isDatabaseUrl } from "./sql/database-address.ts";
import type { MetadataStore } from "./metadata-store.ts";
import { migrateDatabase, openSqlDatabase, type SqlOptions } from "./sql/open-sql-database.ts";
import { SqlMetadataStore } from "./sql/sql-metadata-store.ts";
import { SqliteMetadataStore } from "./sqlite-metadata-store.ts";

/**
 * Opens a store and brings its schema up to date.
 *
 * @param url a path, `postgres://…`, `mysql://…` (several hosts: `mysql://u:p@h1:3306,h2:3306/db`), or a data source name of Notary's
 * @throws TagsealError `STORAGE_FAILED` when it cannot be opened; `SERVER_CONFIGURATION` for an unknown form of address, a driver that is not
 * installed, or a schema that a newer release wrote
 */
export async function openMetadataStore(url: string, options: SqlOptions = {}): Promise<MetadataStore> {
  if (!isDatabaseUrl(url)) return new SqliteMetadataStore({ path: url });
  return new SqlMetadataStore(await openSqlDatabase(url, "metadata", options));
}

/**
 * Brings a store's schema up to date and closes it again: for operators who run the server with an account that may not change tables.
 *
 * @returns how many steps were run; 0 for an SQLite file, which is brought up to date whenever it is opened
 */
export async function migrateMetadataStore(url: string, options: SqlOptions = {}): Promise<number> {
  if (isDatabaseUrl(url)) return migrateDatabase(url, "metadata", options);
  await new SqliteMetadataStore({ path: url }).close();
  return 0;
}
