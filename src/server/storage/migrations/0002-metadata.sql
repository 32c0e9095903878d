-- Files of collections that were deleted, kept for a while so that a collection can be brought back.
CREATE TABLE deleted_files (
  gun TEXT NOT NULL,
  deleted_at INTEGER NOT NULL,          -- milliseconds since 1970, UTC; with the name it identifies the deletion
  role TEXT NOT NULL,
  version INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (gun, deleted_at, role, version)
) STRICT;
