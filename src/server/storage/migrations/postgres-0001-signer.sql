-- Keys that have signed. What the columns hold is what Notary's own signer keeps, so that rows can be carried over.
CREATE TABLE tagseal_keys (
  key_id text COLLATE "C" PRIMARY KEY,
  created_at bigint NOT NULL,           -- milliseconds since 1970, UTC
  gun text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  algorithm text NOT NULL,
  passphrase_alias text NOT NULL,
  public bytea NOT NULL,
  private text NOT NULL                 -- compact JWE
);
CREATE INDEX tagseal_keys_by_role ON tagseal_keys (gun, role);

-- The one secret from which keys that nobody has used yet are derived.
CREATE TABLE tagseal_derivation_secret (
  id integer PRIMARY KEY CHECK (id = 1),
  passphrase_alias text NOT NULL,
  sealed text NOT NULL                  -- compact JWE
);
