-- Keys that have signed. The columns are those of Notary's own signer, so that rows can be carried over.
CREATE TABLE private_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  created_at INTEGER NOT NULL,          -- milliseconds since 1970, UTC
  key_id TEXT NOT NULL UNIQUE,
  encryption_alg TEXT NOT NULL,
  keywrap_alg TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  passphrase_alias TEXT NOT NULL,
  public BLOB NOT NULL,
  private TEXT NOT NULL,                -- compact JWE
  gun TEXT NOT NULL,
  role TEXT NOT NULL,
  last_used INTEGER
) STRICT;
CREATE INDEX private_keys_by_role ON private_keys (gun, role);

-- The one secret from which keys that were promised but not yet used are derived.
CREATE TABLE derivation_secret (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sealed TEXT NOT NULL                  -- compact JWE
) STRICT;
