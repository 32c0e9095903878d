-- Every version of every signed file. One row is one file, byte for byte as it was uploaded or generated.
CREATE TABLE tuf_files (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  created_at INTEGER NOT NULL,          -- milliseconds since 1970, UTC
  gun TEXT NOT NULL,
  role TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 2147483647),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  data BLOB NOT NULL,
  UNIQUE (gun, role, version)
) STRICT;
CREATE INDEX tuf_files_by_checksum ON tuf_files (gun, role, sha256);

-- One row for each new timestamp and each deletion. AUTOINCREMENT: a position is never used twice.
CREATE TABLE changefeed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  created_at INTEGER NOT NULL,
  gun TEXT NOT NULL,
  version INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  category TEXT NOT NULL CHECK (category IN ('update', 'deletion'))
) STRICT;
CREATE INDEX changefeed_by_gun ON changefeed (gun, id);

-- Where the health probe writes.
CREATE TABLE health_probe (filler BLOB NOT NULL) STRICT;
