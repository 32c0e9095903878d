/** From one line of configuration to a signer's table: the path of an SQLite file, or the address of a shared database. */

import { isDatabaseUrl } from "../storage/sql/database-address.ts";
import { migrateDatabase, openSqlDatabase, type SqlOptions } from "../storage/sql/open-sql-database.ts";
import type { KeyTable } from "./key-table.ts";
import { SqlKeyTable } from "./sql-key-table.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

/**
 * Opens a table and brings its schema up to date. It may share a database with the metadata of a server.
 *
 * @param url see `openMetadataStore`
 * @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION`
 */
export async function openKeyTable(url: string, options: SqlOptions = {}): Promise<KeyTable> {
  if (!isDatabaseUrl(url)) return new SqliteKeyTable(url);
  return new SqlKeyTable(await openSqlDatabase(url, "signer", options));
}

/**
 * Brings a table's schema up to date and closes it again.
 *
 * @returns how many steps were run; 0 for an SQLite file, which is brought up to date whenever it is opened
 * @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION`
 */
export async function migrateKeyTable(url: string, options: SqlOptions = {}): Promise<number> {
  if (isDatabaseUrl(url)) return migrateDatabase(url, "signer", options);
  await new SqliteKeyTable(url).close();
  return 0;
}
