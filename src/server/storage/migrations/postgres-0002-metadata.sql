-- Files of collections that were deleted, kept for a while so that a collection can be brought back.
CREATE TABLE tagseal_deleted_files (
  gun text COLLATE "C" NOT NULL,
  deleted_at bigint NOT NULL,           -- milliseconds since 1970, UTC; with the name it identifies the deletion
  role text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  sha256 text NOT NULL,
  created_at bigint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (gun, deleted_at, role, version)
);
