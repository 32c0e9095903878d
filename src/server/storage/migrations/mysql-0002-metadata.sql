-- Every statement can be repeated: see mysql-0001-metadata.sql.

-- Files of collections that were deleted, kept for a while so that a collection can be brought back.
CREATE TABLE IF NOT EXISTS tagseal_deleted_files (
  gun VARBINARY(255) NOT NULL,
  deleted_at BIGINT NOT NULL,           -- milliseconds since 1970, UTC; with the name it identifies the deletion
  role VARBINARY(255) NOT NULL,
  version INT NOT NULL,
  sha256 VARBINARY(64) NOT NULL,
  created_at BIGINT NOT NULL,
  data LONGBLOB NOT NULL,
  PRIMARY KEY (gun, deleted_at, role, version)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
