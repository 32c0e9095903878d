import { statSync } from "node:fs";
import { TagsealError, UsageError } from "../../errors.ts";

/** A hint: SQLite writes next to a database even when it only reads it. */
export const asItsOwner =
  "Run this as the account that the server or signer runs as, which may write to its data directory.";

/** For commands that work on existing data and must not create it. @throws UsageError `FILE_UNREADABLE` when the file is not there */
export function requireDatabase(path: string): void {
  if (isThere(path)) return;
  throw new UsageError("FILE_UNREADABLE", `there is no ${path}: no server and no signer has run there`);
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError("FILE_UNREADABLE", `Cannot read ${path}: ${reason}`, { cause, hint: asItsOwner });
  }
}

/** The data directory of the options. @throws TagsealError `SERVER_CONFIGURATION` when there is none */
export function requireDataDir(dataDir: string | undefined): string {
  if (dataDir !== undefined) return dataDir;
  throw new TagsealError("SERVER_CONFIGURATION", "There is no data directory to keep metadata and keys in", {
    hint: "Name one with --data, or databases for both.",
  });
}
