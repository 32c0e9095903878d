-- Changes that not enough people have signed yet, with the signatures so far. Readers never get them.
CREATE TABLE tagseal_proposals (
  gun text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,         -- of the change without its signatures
  sha256 text NOT NULL,                 -- of the data
  created_at bigint NOT NULL,           -- milliseconds since 1970, UTC
  expires_at bigint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (gun, id)
);
CREATE INDEX tagseal_proposals_by_end ON tagseal_proposals (expires_at);
