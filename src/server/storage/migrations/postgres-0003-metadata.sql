-- How many bytes are kept of each collection, so that limits need not look at its files.
CREATE TABLE tagseal_collection_sizes (
  gun text COLLATE "C" PRIMARY KEY,
  bytes bigint NOT NULL
);
INSERT INTO tagseal_collection_sizes (gun, bytes) SELECT gun, sum(octet_length(data)) FROM tagseal_files GROUP BY gun;
