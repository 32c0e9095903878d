-- How many bytes are kept of each collection, so that limits need not look at its files. Triggers keep it right whatever comes and goes.
CREATE TABLE collection_sizes (
  gun TEXT PRIMARY KEY,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO collection_sizes (gun, bytes) SELECT gun, sum(length(data)) FROM tuf_files GROUP BY gun;

CREATE TRIGGER tuf_files_kept AFTER INSERT ON tuf_files BEGIN
  INSERT INTO collection_sizes (gun, bytes) VALUES (NEW.gun, length(NEW.data))
    ON CONFLICT (gun) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER tuf_files_forgotten AFTER DELETE ON tuf_files BEGIN
  UPDATE collection_sizes SET bytes = bytes - length(OLD.data) WHERE gun = OLD.gun;
  DELETE FROM collection_sizes WHERE gun = OLD.gun AND NOT EXISTS (SELECT 1 FROM tuf_files WHERE gun = OLD.gun);
END;
