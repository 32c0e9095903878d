/** One transaction of an SQLite file: begun without blocking other requests, then committed or rolled back whole. */

import type { DatabaseSync } from "node:sqlite";
import { isBusy } from "./sqlite-error.ts";

/** for operations that start at once or fail: a migration by another process, a read while another process recovers after a crash */
export const busyTimeoutMs = 5000;

/** Begins one that holds the write lock. False while another process writes. SQLite's own wait would block all requests. */
export function tryBegin(database: DatabaseSync): boolean {
  database.exec("PRAGMA busy_timeout = 0");
  try {
    database.exec("BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  } finally {
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

/** Commits or rolls back the current transaction. */
export function committed<T>(database: DatabaseSync, work: () => T): T {
  try {
    const result = work();
    database.exec("COMMIT");
    // The first read after a commit records its position in a shared page, which waits for a disk that stopped in between.
    database.exec("PRAGMA user_version");
    return result;
  } catch (error) {
    // SQLite itself has already rolled back after some failures, a full disk among them.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
