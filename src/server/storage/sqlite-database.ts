/**
 * How this server opens an SQLite file: durable, with its schema brought up to date under a lock, and with errors that
 * name the file. The metadata store and the signer each have a file of their own.
 */

import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { TagsealError } from "../../errors.ts";
import { migrationText } from "./migration-text.ts";

/** One frozen step of a schema: `name` is a file of `migrations/`, its position in the list the version it leads to. */
export interface SchemaOptions {
  readonly path: string;
  readonly migrations: readonly string[];
  /** bound on the file's size in pages of 4 KiB; SQLite's own (about 16 TiB) when absent */
  readonly maxPages?: number | undefined;
}

const busyTimeoutMs = 5000;

/**
 * Opens or creates a database. WAL lets readers go on while a publication is committed; `synchronous=FULL` makes a commit
 * wait for the disk, so that what was acknowledged survives a power cut.
 *
 * @throws TagsealError `STORAGE_FAILED` when it cannot be opened, `SERVER_CONFIGURATION` when a newer release wrote it
 */
export function openDatabase({ path, migrations, maxPages }: SchemaOptions): DatabaseSync {
  makePrivate(path);
  return explained(path, "open", () => {
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    try {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`);
      migrate(database, path, migrations);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

/** Runs `work` in one transaction that holds the write lock from its start; rolls back when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // SQLite itself has already rolled back after some failures, a full disk among them.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Runs `work`, turning what SQLite throws into TagsealError `STORAGE_FAILED`. */
export function explained<T>(path: string, doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSqliteError(error)) throw error;
    throw new TagsealError("STORAGE_FAILED", `Cannot ${doing} ${path}: ${error.message}`, {
      cause: error,
      hint: "Check free space and permissions of the server's data directory.",
    });
  }
}

/** True when SQLite says that a UNIQUE constraint would be broken. */
export function isUniqueViolation(error: unknown): boolean {
  return isSqliteError(error) && error.errcode === 2067;
}

function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** SQLite gives its log files the mode of the database; a new one is its owner's only. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch (cause) {
    throw new TagsealError("STORAGE_FAILED", `Cannot open ${path}`, { cause });
  }
}

function migrate(database: DatabaseSync, path: string, migrations: readonly string[]): void {
  inTransaction(database, () => {
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > migrations.length) throw tooNew(path, version, migrations.length);
    for (const name of migrations.slice(version)) database.exec(migrationText(name));
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

function tooNew(path: string, found: number, known: number): TagsealError {
  return new TagsealError(
    "SERVER_CONFIGURATION",
    `Cannot use ${path}: its schema is version ${found}, this release knows versions up to ${known}`,
    { hint: "Start the release that wrote it, or a later one." },
  );
}
