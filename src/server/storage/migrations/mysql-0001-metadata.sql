-- Every statement can be repeated: DDL cannot be rolled back here, and under Galera no lock keeps other nodes from running it too.
-- Names are VARBINARY, which compares bytes, and unlike a collation does not overlook trailing spaces.

-- One row for each collection: what publishers compare and swap. A transaction that changes the collection locks it until the commit.
CREATE TABLE IF NOT EXISTS tagseal_collections (
  gun VARBINARY(255) NOT NULL PRIMARY KEY,
  revision BIGINT NOT NULL,             -- rises with every change of the collection's files
  timestamp_sha256 VARBINARY(64)        -- of the current timestamp; NULL where there is none
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- Every version of every signed file. One row is one file, byte for byte as it was uploaded or generated.
CREATE TABLE IF NOT EXISTS tagseal_files (
  gun VARBINARY(255) NOT NULL,
  role VARBINARY(255) NOT NULL,
  version INT NOT NULL,
  sha256 VARBINARY(64) NOT NULL,
  created_at BIGINT NOT NULL,           -- milliseconds since 1970, UTC
  data LONGBLOB NOT NULL,
  PRIMARY KEY (gun, role, version),
  KEY tagseal_files_by_checksum (gun, role, sha256)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- One row for each new timestamp and each deletion.
CREATE TABLE IF NOT EXISTS tagseal_changes (
  id BIGINT NOT NULL PRIMARY KEY,
  created_at BIGINT NOT NULL,
  gun VARBINARY(255) NOT NULL,
  version INT NOT NULL,
  sha256 VARBINARY(64) NOT NULL,
  category VARBINARY(20) NOT NULL,
  KEY tagseal_changes_by_gun (gun, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- The last position given out. Not AUTO_INCREMENT: positions must become visible in their order, or a reader of the changefeed who has
-- seen a later one would never ask for an earlier one.
CREATE TABLE IF NOT EXISTS tagseal_change_position (
  id INT NOT NULL PRIMARY KEY,
  last_change BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
INSERT IGNORE INTO tagseal_change_position (id, last_change) VALUES (1, 0);

-- Where the health probe writes.
CREATE TABLE IF NOT EXISTS tagseal_probes (
  writer VARBINARY(64) NOT NULL PRIMARY KEY,
  filler LONGBLOB NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
