-- Changes that not enough people have signed yet, with the signatures so far. Readers never get them.
CREATE TABLE proposals (
  gun TEXT NOT NULL,
  id TEXT NOT NULL,                     -- of the change without its signatures
  sha256 TEXT NOT NULL,                 -- of the data
  created_at INTEGER NOT NULL,          -- milliseconds since 1970, UTC
  expires_at INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (gun, id)
) STRICT;
CREATE INDEX proposals_by_end ON proposals (expires_at);
