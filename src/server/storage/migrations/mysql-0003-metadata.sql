-- Every statement can be repeated: see mysql-0001-metadata.sql.

-- How many bytes are kept of each collection, so that limits need not look at its files.
CREATE TABLE IF NOT EXISTS tagseal_collection_sizes (
  gun VARBINARY(255) NOT NULL PRIMARY KEY,
  bytes BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
REPLACE INTO tagseal_collection_sizes (gun, bytes) SELECT gun, SUM(OCTET_LENGTH(data)) FROM tagseal_files GROUP BY gun;
