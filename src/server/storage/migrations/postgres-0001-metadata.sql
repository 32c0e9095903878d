-- One row for each collection: what publishers compare and swap. A transaction that changes the collection locks it until the commit.
CREATE TABLE tagseal_collections (
  gun text COLLATE "C" PRIMARY KEY CHECK (octet_length(gun) BETWEEN 1 AND 255),
  revision bigint NOT NULL,             -- rises with every change of the collection's files
  timestamp_sha256 text                 -- of the current timestamp; NULL where there is none
);

-- Every version of every signed file. One row is one file, byte for byte as it was uploaded or generated.
CREATE TABLE tagseal_files (
  gun text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  created_at bigint NOT NULL,           -- milliseconds since 1970, UTC
  data bytea NOT NULL,
  PRIMARY KEY (gun, role, version)
);
CREATE INDEX tagseal_files_by_checksum ON tagseal_files (gun, role, sha256);

-- One row for each new timestamp and each deletion.
CREATE TABLE tagseal_changes (
  id bigint PRIMARY KEY,
  created_at bigint NOT NULL,
  gun text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  sha256 text NOT NULL,
  category text NOT NULL CHECK (category IN ('update', 'deletion'))
);
CREATE INDEX tagseal_changes_by_gun ON tagseal_changes (gun, id);

-- The last position given out. Not a sequence: positions must become visible in their order, or a reader of the changefeed who has
-- seen a later one would never ask for an earlier one.
CREATE TABLE tagseal_change_position (
  id integer PRIMARY KEY CHECK (id = 1),
  last_change bigint NOT NULL
);
INSERT INTO tagseal_change_position (id, last_change) VALUES (1, 0);

-- Where the health probe writes.
CREATE TABLE tagseal_probes (
  writer text PRIMARY KEY,
  filler bytea NOT NULL
);
