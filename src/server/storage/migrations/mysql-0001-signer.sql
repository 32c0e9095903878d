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
  private VARBINARY(16384) NOT NULL,    -- compact JWE
  KEY tagseal_keys_by_role (gun, role)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- The one secret from which keys that nobody has used yet are derived.
CREATE TABLE IF NOT EXISTS tagseal_derivation_secret (
  id INT NOT NULL PRIMARY KEY,
  passphrase_alias VARBINARY(255) NOT NULL,
  sealed VARBINARY(16384) NOT NULL      -- compact JWE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
