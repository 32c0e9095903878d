-- Every statement can be repeated: see mysql-0001-metadata.sql.

-- Keys that have signed. What the columns hold is what Notary's own signer keeps, so that rows can be carried over.
CREATE TABLE IF NOT EXISTS tagseal_keys (
  key_id VARBINARY(255) NOT NULL PRIMARY KEY,
  created_at BIGINT NOT NULL,           -- milliseconds since 1970, UTC
  gun VARBINARY(255) NOT NULL,
  role VARBINARY(255) NOT NULL,
  algorithm VARBINARY(50) NOT NULL,
  passphrase_alias VARBINARY(255) NOT NULL,
  public BLOB NOT NULL,
  private VARBINARY(16384) NOT NULL,    -- compact JWE; empty once the key was removed
  deleted_at BIGINT,                    -- a removed key keeps its row: its ID must not come back
  KEY tagseal_keys_by_role (gun, role),
  KEY tagseal_keys_by_alias (passphrase_alias)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- The one secret from which keys that were promised but not yet used are derived.
CREATE TABLE IF NOT EXISTS tagseal_derivation_secret (
  id INT NOT NULL PRIMARY KEY,
  passphrase_alias VARBINARY(255) NOT NULL,
  sealed VARBINARY(16384) NOT NULL      -- compact JWE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- Which keys were promised to which callers.
CREATE TABLE IF NOT EXISTS tagseal_key_assignments (
  key_id VARBINARY(255) NOT NULL PRIMARY KEY,
  gun VARBINARY(255) NOT NULL,
  role VARBINARY(255) NOT NULL,
  algorithm VARBINARY(50) NOT NULL,
  public BLOB NOT NULL,
  assigned_at BIGINT NOT NULL,          -- milliseconds since 1970, UTC
  pending TINYINT,                      -- NULL once the key was used: then it stands in no other's way
  UNIQUE KEY tagseal_key_assignments_pending (gun, role, algorithm, pending),
  KEY tagseal_key_assignments_by_age (pending, assigned_at, key_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
