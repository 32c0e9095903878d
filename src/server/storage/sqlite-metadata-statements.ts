/** The statements of the embedded store, and what their rows mean. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Change } from "./change.ts";
import type { StoredFile } from "./stored-file.ts";

/** The statements by name. Prepared once: building one costs more than running it. */
export type MetadataStatements = ReturnType<typeof prepareStatements>;

/** One row, by column. */
export type SqliteRow = NonNullable<ReturnType<StatementSync["get"]>>;

/** Prepares every statement for a database whose schema is up to date. @throws the error of SQLite when it is not */
export function prepareStatements(database: DatabaseSync) {
  return {
    ...ofFiles(database),
    ...ofCollections(database),
    ...ofDeletions(database),
    ...ofChanges(database),
    revision: database.prepare("PRAGMA data_version"),
    fillProbe: database.prepare("INSERT INTO health_probe (filler) VALUES (zeroblob(?))"),
    emptyProbe: database.prepare("DELETE FROM health_probe"),
  } satisfies Record<string, StatementSync>;
}

function ofFiles(database: DatabaseSync) {
  const file = "SELECT role, version, sha256, data, created_at FROM tuf_files WHERE gun = ? AND role = ?";
  return {
    insertFile: database.prepare(
      "INSERT INTO tuf_files (created_at, gun, role, version, sha256, data) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    highest: database.prepare(
      "SELECT version, sha256 FROM tuf_files WHERE gun = ? AND role = ? ORDER BY version DESC LIMIT 1",
    ),
    current: database.prepare(`${file} ORDER BY version DESC LIMIT 1`),
    byChecksum: database.prepare(`${file} AND sha256 = ? ORDER BY version DESC LIMIT 1`),
    byVersion: database.prepare(`${file} AND version = ?`),
    forget: database.prepare("DELETE FROM tuf_files WHERE gun = ? AND role = ? AND version = ? AND sha256 = ?"),
  };
}

function ofCollections(database: DatabaseSync) {
  return {
    isThere: database.prepare("SELECT 1 FROM tuf_files WHERE gun = ? LIMIT 1"),
    guns: database.prepare("SELECT DISTINCT gun FROM tuf_files WHERE gun > ? ORDER BY gun LIMIT ?"),
    usage: database.prepare(
      `SELECT count(*) AS repositories, coalesce(sum(bytes), 0) AS bytes FROM collection_sizes
        WHERE gun >= ? AND gun < ? AND (gun = ? OR gun >= ?)`,
    ),
    versions: database.prepare(
      "SELECT role, version, sha256, length(data) AS length, created_at FROM tuf_files WHERE gun = ? ORDER BY role, version",
    ),
    remove: database.prepare("DELETE FROM tuf_files WHERE gun = ?"),
    removeProposals: database.prepare("DELETE FROM proposals WHERE gun = ?"),
  };
}

function ofDeletions(database: DatabaseSync) {
  return {
    lastDeletion: database.prepare("SELECT max(deleted_at) AS deleted_at FROM deleted_files WHERE gun = ?"),
    keepDeleted: database.prepare(
      `INSERT INTO deleted_files (gun, deleted_at, role, version, sha256, created_at, data)
        SELECT gun, ?, role, version, sha256, created_at, data FROM tuf_files WHERE gun = ?`,
    ),
    deletions: database.prepare(
      `SELECT gun, deleted_at, count(*) AS files, sum(length(data)) AS bytes FROM deleted_files
        WHERE (gun, deleted_at) > (?, ?) GROUP BY gun, deleted_at ORDER BY gun, deleted_at LIMIT ?`,
    ),
    isDeleted: database.prepare("SELECT 1 FROM deleted_files WHERE gun = ? AND deleted_at = ? LIMIT 1"),
    bringBack: database.prepare(
      `INSERT INTO tuf_files (gun, role, version, sha256, created_at, data)
        SELECT gun, role, version, sha256, created_at, data FROM deleted_files WHERE gun = ? AND deleted_at = ?
        ORDER BY created_at, role, version`,
    ),
    forgetDeletion: database.prepare("DELETE FROM deleted_files WHERE gun = ? AND deleted_at = ?"),
  };
}

function ofChanges(database: DatabaseSync) {
  const change = "SELECT id, created_at, gun, version, sha256, category FROM changefeed";
  return {
    insertChange: database.prepare(
      "INSERT INTO changefeed (created_at, gun, version, sha256, category) VALUES (?, ?, ?, ?, ?)",
    ),
    restoreChange: database.prepare(
      "INSERT INTO changefeed (id, created_at, gun, version, sha256, category) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    change: database.prepare(`${change} WHERE id = ?`),
    changesAfter: database.prepare(`${change} WHERE id > ? ORDER BY id LIMIT ?`),
    changesBefore: database.prepare(`${change} WHERE id < ? ORDER BY id DESC LIMIT ?`),
    gunChangesAfter: database.prepare(`${change} WHERE gun = ? AND id > ? ORDER BY id LIMIT ?`),
    gunChangesBefore: database.prepare(`${change} WHERE gun = ? AND id < ? ORDER BY id DESC LIMIT ?`),
  };
}

/** The file in a row of `tuf_files`; undefined without a row. */
export function fileOf(row: SqliteRow | undefined): StoredFile | undefined {
  if (row === undefined) return undefined;
  const data = row["data"] as Uint8Array; // BLOB NOT NULL in a STRICT table
  return {
    role: String(row["role"]),
    version: Number(row["version"]),
    sha256: String(row["sha256"]),
    bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    createdAt: new Date(Number(row["created_at"])),
  };
}

/** The change in a row of `changefeed`. */
export function changeOf(row: SqliteRow): Change {
  return {
    id: Number(row["id"]),
    createdAt: new Date(Number(row["created_at"])),
    gun: String(row["gun"]),
    version: Number(row["version"]),
    sha256: String(row["sha256"]),
    category: row["category"] === "deletion" ? "deletion" : "update",
  };
}
