-- Every statement can be repeated: see mysql-0001-metadata.sql.

-- Changes that not enough people have signed yet, with the signatures so far. Readers never get them.
CREATE TABLE IF NOT EXISTS tagseal_proposals (
  gun VARBINARY(255) NOT NULL,
  id VARBINARY(64) NOT NULL,            -- of the change without its signatures
  sha256 VARBINARY(64) NOT NULL,        -- of the data
  created_at BIGINT NOT NULL,           -- milliseconds since 1970, UTC
  expires_at BIGINT NOT NULL,
  data LONGBLOB NOT NULL,
  PRIMARY KEY (gun, id),
  KEY tagseal_proposals_by_end (expires_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
