/** Opens an SQLite file, durable, and brings its schema up to date under a lock. */

import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { TagsealError } from "../../errors.ts";
import { migrationText } from "./migration-text.ts";
import { sqliteFailure, isSqliteError, schemaTooNew } from "./sqlite-error.ts";
import { busyTimeoutMs, committed } from "./sqlite-transaction.ts";

/** One frozen step of a schema: `name` is a file of `migrations/`, its position in the list the version it leads to. */
export interface SchemaOptions {
  readonly path: string;
  readonly migrations: readonly string[];
  /** bound on the file's size in pages of 4 KiB; SQLite's own (about 16 TiB) when absent */
  readonly maxPages?: number | undefined;
}

/** Opens or creates it. @throws as `SqliteFile` */
export function openSqliteDatabase({ path, migrations, maxPages }: SchemaOptions): DatabaseSync {
  makePrivate(path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    // Large changes would need files in /tmp, which may be full, or read-only as in a container.
    database.exec("PRAGMA temp_store = MEMORY");
    if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`);
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    database?.close();
    throw isSqliteError(error) ? sqliteFailure(path, "open", error.message, error) : error;
  }
}

/** SQLite gives its log files the mode of the database; a new one is readable by its owner only. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch (cause) {
    throw new TagsealError("STORAGE_FAILED", `Cannot open ${path}`, { cause });
  }
}

function migrate(database: DatabaseSync, path: string, migrations: readonly string[]): void {
  database.exec("BEGIN IMMEDIATE");
  committed(database, () => {
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > migrations.length) throw schemaTooNew(path, version, migrations.length);
    for (const name of migrations.slice(version)) database.exec(migrationText(name));
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}
