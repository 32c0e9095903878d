-- The derivation secret has a named passphrase, as keys have.
ALTER TABLE derivation_secret ADD COLUMN passphrase_alias TEXT NOT NULL DEFAULT 'default';

-- A removed key keeps its row, without its secret: its ID must not come back.
ALTER TABLE private_keys ADD COLUMN deleted_at INTEGER;

-- Which keys were promised to which callers.
CREATE TABLE key_assignments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key_id TEXT NOT NULL UNIQUE,
  gun TEXT NOT NULL,
  role TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  public BLOB NOT NULL,
  assigned_at INTEGER NOT NULL,         -- milliseconds since 1970, UTC
  used INTEGER NOT NULL CHECK (used IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX key_assignments_pending ON key_assignments (gun, role, algorithm) WHERE used = 0;
CREATE INDEX key_assignments_by_age ON key_assignments (assigned_at, id) WHERE used = 0;
