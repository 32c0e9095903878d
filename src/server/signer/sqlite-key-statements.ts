/** The SQL of a signer's SQLite file: its secret and its keys. Those of assignments are with `SqliteKeyAssignments`. */

import type { DatabaseSync, StatementSync } from "node:sqlite";

/** All of them, prepared once: building a statement costs more than running it. */
export function prepareKeyStatements(database: DatabaseSync) {
  return {
    ...ofSecret(database),
    ...ofKeys(database),
    ...ofKeyChanges(database),
    fillProbe: database.prepare(
      `INSERT INTO key_assignments (key_id, gun, role, algorithm, public, assigned_at, used)
        VALUES ('health probe', '', '', '', zeroblob(?), 0, 1)`,
    ),
    emptyProbe: database.prepare("DELETE FROM key_assignments WHERE key_id = 'health probe'"),
  } satisfies Record<string, StatementSync>;
}

function ofSecret(database: DatabaseSync) {
  return {
    secret: database.prepare("SELECT sealed, passphrase_alias FROM derivation_secret WHERE id = 1"),
    insertSecret: database.prepare(
      "INSERT OR IGNORE INTO derivation_secret (id, sealed, passphrase_alias) VALUES (1, ?, ?)",
    ),
    resealSecret: database.prepare(
      "UPDATE derivation_secret SET sealed = ?, passphrase_alias = ? WHERE sealed = ? AND passphrase_alias = ?",
    ),
    dropSecret: database.prepare("DELETE FROM derivation_secret WHERE sealed = ? AND passphrase_alias = ?"),
  };
}

function ofKeys(database: DatabaseSync) {
  const every = "SELECT key_id, gun, role, algorithm, passphrase_alias, public, private, created_at FROM private_keys";
  const key = `${every} WHERE deleted_at IS NULL`;
  return {
    findKey: database.prepare(`${key} AND key_id = ? AND gun = ? AND role = ?`),
    keyById: database.prepare(`${key} AND key_id = ?`),
    keys: database.prepare(`${key} AND key_id > ? ORDER BY key_id LIMIT ?`),
    onePerAlias: database.prepare(
      `${key} AND id IN (SELECT min(id) FROM private_keys WHERE deleted_at IS NULL GROUP BY passphrase_alias)`,
    ),
    countKeys: database.prepare("SELECT count(*) AS count FROM private_keys WHERE gun = ? AND role = ?"),
    count: database.prepare("SELECT count(*) AS count FROM private_keys WHERE deleted_at IS NULL"),
    removedKeys: database.prepare(`${every} WHERE deleted_at IS NOT NULL AND key_id > ? ORDER BY key_id LIMIT ?`),
  };
}

function ofKeyChanges(database: DatabaseSync) {
  return {
    insertKey: database.prepare(
      `INSERT OR IGNORE INTO private_keys (created_at, key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias,
        public, private, gun, role, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    keepFor: database.prepare(
      "UPDATE private_keys SET gun = ?, role = ? WHERE key_id = ? AND gun = '' AND role = '' AND deleted_at IS NULL",
    ),
    resealKey: database.prepare(
      `UPDATE private_keys SET private = ?, passphrase_alias = ?
        WHERE key_id = ? AND private = ? AND passphrase_alias = ? AND deleted_at IS NULL`,
    ),
    removeKey: database.prepare(
      "UPDATE private_keys SET private = '', deleted_at = ? WHERE key_id = ? AND deleted_at IS NULL",
    ),
    dropKey: database.prepare(
      "DELETE FROM private_keys WHERE key_id = ? AND private = ? AND passphrase_alias = ? AND deleted_at IS NULL",
    ),
  };
}
