-- What the replicas of a gate accepted: no replica trusts anything older.
CREATE TABLE tagseal_remembered (
  id text COLLATE "C" PRIMARY KEY,      -- SHA-256 of repository and name
  gun text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,       -- a role, or "past root N"
  version bigint NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  data bytea NOT NULL,
  first_seen_at bigint NOT NULL,        -- milliseconds since 1970, UTC, as is confirmed_at
  confirmed_at bigint NOT NULL
);
