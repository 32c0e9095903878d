-- Every statement can be repeated: see mysql-0001-metadata.sql.

-- What the replicas of a gate accepted: no replica trusts anything older.
CREATE TABLE IF NOT EXISTS tagseal_remembered (
  id VARBINARY(64) NOT NULL PRIMARY KEY, -- SHA-256 of repository and name
  gun VARBINARY(1024) NOT NULL,
  name VARBINARY(1024) NOT NULL,         -- a role, or "past root N"
  version BIGINT NOT NULL,
  sha256 VARBINARY(64) NOT NULL,
  data LONGBLOB NOT NULL,
  first_seen_at BIGINT NOT NULL,         -- milliseconds since 1970, UTC, as is confirmed_at
  confirmed_at BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
