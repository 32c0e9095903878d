-- Keys that have signed. What the columns hold is what Notary's own signer keeps, so that rows can be carried over.
CREATE TABLE tagseal_keys (
  key_id text COLLATE "C" PRIMARY KEY,
  created_at bigint NOT NULL,           -- milliseconds since 1970, UTC
  gun text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  algorithm text NOT NULL,
  passphrase_alias text NOT NULL,
  public bytea NOT NULL,
  private text NOT NULL,                -- compact JWE; empty once the key was removed
  deleted_at bigint                     -- a removed key keeps its row: its ID must not come back
);
CREATE INDEX tagseal_keys_by_role ON tagseal_keys (gun, role);
CREATE INDEX tagseal_keys_by_alias ON tagseal_keys (passphrase_alias);

-- The one secret from which keys that were promised but not yet used are derived.
CREATE TABLE tagseal_derivation_secret (
  id integer PRIMARY KEY CHECK (id = 1),
  passphrase_alias text NOT NULL,
  sealed text NOT NULL                  -- compact JWE
);

-- Which keys were promised to which callers.
CREATE TABLE tagseal_key_assignments (
  key_id text COLLATE "C" PRIMARY KEY,
  gun text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  algorithm text NOT NULL,
  public bytea NOT NULL,
  assigned_at bigint NOT NULL,          -- milliseconds since 1970, UTC
  pending smallint CHECK (pending = 1), -- NULL once the key was used: then it stands in no other's way
  UNIQUE (gun, role, algorithm, pending)
);
CREATE INDEX tagseal_key_assignments_by_age ON tagseal_key_assignments (pending, assigned_at, key_id);
