/** What errors of SQLite mean, and the errors that name its file. */

import { TagsealError } from "../../errors.ts";

/** `STORAGE_FAILED` for a file. @param doing completes "Cannot … PATH" */
export function sqliteFailure(path: string, doing: string, reason: string, cause?: unknown): TagsealError {
  return new TagsealError("STORAGE_FAILED", `Cannot ${doing} ${path}: ${reason}`, {
    cause,
    hint: "Check disk, free space, inodes and permissions of the server's data directory.",
  });
}

/** SQLITE_BUSY: true when another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && (error.errcode & 0xff) === 5;
}

/** True for SQLite's violation of a UNIQUE constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return isSqliteError(error) && error.errcode === 2067;
}

/** True for what SQLite itself reports. */
export function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** `SERVER_CONFIGURATION` for a file that a newer release wrote. */
export function schemaTooNew(path: string, found: number, known: number): TagsealError {
  return new TagsealError(
    "SERVER_CONFIGURATION",
    `Cannot use ${path}: its schema is version ${found}, this release knows versions up to ${known}`,
    { hint: "Start the release that wrote it, or a later one." },
  );
}
