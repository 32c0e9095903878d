/** I7: what is acknowledged is in the file that the next start finds, and needs no room but the disk's own. */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { SqliteFile } from "./sqlite-database.ts";

interface World {
  readonly directory: string;
  readonly path: string;
  readonly file: SqliteFile;
  readonly publish: () => Promise<unknown>;
}

function world(t: TestContext): World {
  const directory = join(temporaryDirectory(), "data");
  mkdirSync(directory);
  const path = join(directory, "some.db");
  const file = new SqliteFile({ path, migrations: ["0001-metadata.sql"] });
  t.after(() => file.close());
  const publish = (): Promise<unknown> =>
    file.write(() => file.database.exec("INSERT INTO health_probe VALUES (x'01')"));
  return { directory, path, file, publish };
}

const noDescriptors = process.platform !== "linux" && "only Linux tells which files are open";

const lost = (message: RegExp) => ({ code: "STORAGE_FAILED", message });

describe("an open SQLite file", () => {
  for (const suffix of ["", "-wal", "-shm"])
    it(`I7: takes nothing while its ${suffix || "database"} is renamed, or another file is there`, async (t) => {
      const { path, publish } = world(t);
      await publish();
      renameSync(path + suffix, `${path}.away`);
      await assert.rejects(publish(), lost(/is no longer there/u));
      copyFileSync(`${path}.away`, path + suffix);
      await assert.rejects(publish(), lost(/another file is at/u));
      renameSync(`${path}.away`, path + suffix);
      await publish();
    });

  it("I7: takes nothing while its directory is elsewhere, and makes no file in what is there instead", async (t) => {
    const { directory, file, publish } = world(t);
    renameSync(directory, `${directory}.away`);
    mkdirSync(directory);
    await assert.rejects(publish(), lost(/is no longer there/u));
    await assert.rejects(
      file.probe(() => {}),
      lost(/is no longer there/u),
    );
    assert.deepEqual(readdirSync(directory), []);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}.away`, directory);
    await publish();
  });

  it("I7: acknowledges nothing that was written while it went away", async (t) => {
    const { path, file } = world(t);
    const writing = file.write(() => {
      file.database.exec("INSERT INTO health_probe VALUES (x'02')");
      renameSync(path, `${path}.away`);
    });
    await assert.rejects(writing, lost(/is no longer there/u));
  });

  it("may be left to another mode and back, which makes its files again", async (t) => {
    const { file, publish } = world(t);
    assert.ok(file.isAlone());
    await publish();
  });

  it("changes much without files for it elsewhere, where there may be no room", { skip: noDescriptors }, async (t) => {
    const { file } = world(t);
    await file.write(() => {
      file.database.exec(`CREATE TABLE large (id INTEGER, data BLOB); CREATE TABLE noted (id INTEGER);
        CREATE TRIGGER note AFTER DELETE ON large BEGIN INSERT INTO noted VALUES (old.id); END;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
        INSERT INTO large SELECT i, randomblob(10000) FROM n`);
    });
    const open = await file.write(() => {
      file.database.exec("UPDATE large SET data = randomblob(10000); DELETE FROM large");
      return readdirSync("/proc/self/fd").map(openAs);
    });
    assert.deepEqual(
      open.filter((path) => path.includes("etilqs")),
      [],
    );
  });
});

function openAs(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return ""; // the one that the list was read by
  }
}
