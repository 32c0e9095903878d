/** I7: a disk that is full. As root on a separate small file system, otherwise on a database that may not grow. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import { mountingNeedsRoot, ownFileSystem } from "../support/file-systems.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";

/** Publishes until the server says it cannot; returns the tags that were acknowledged. */
async function publishUntilFull(publisher: UploadingPublisher): Promise<string[]> {
  const acknowledged = ["v1"];
  for (let number = 0; number < 500; number += 1) {
    const name = `t${number}`;
    const response = await publisher.addTag(name);
    if (response.status === 200) {
      acknowledged.push(name);
      continue;
    }
    assert.equal(response.status, 503);
    assert.match(await response.text(), /"code":"UPDATING"/u);
    return acknowledged.sort();
  }
  throw new Error("the disk did not fill up");
}

/** Lets SQLite begin its log from the start, at the size that it has. */
function emptyLog(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA wal_checkpoint(RESTART)");
  database.close();
}

async function healthStatus(server: TestServer): Promise<number> {
  return (await fetch(`${server.url}/_notary_server/health`)).status;
}

describe("a full disk", () => {
  it("I7: refuses publications, keeps what was acknowledged, still serves reads, and recovers", async (t) => {
    const dataDir = ownFileSystem(t)?.directory;
    if (dataDir === undefined) return t.skip(mountingNeedsRoot);
    const ballast = join(dataDir, "ballast");
    writeFileSync(ballast, Buffer.alloc(400_000));
    const server = await serve(t, { dataDir });
    t.after(() => server.close());
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    const acknowledged = await publishUntilFull(publisher);
    assert.deepEqual(await readTags(server.url, gun), acknowledged);
    assert.equal(await healthStatus(server), 503);
    rmSync(ballast);
    assert.equal((await publisher.addTag("afterwards")).status, 200);
    assert.deepEqual(await readTags(server.url, gun), ["afterwards", ...acknowledged]);
  });

  it("shows to the probes although SQLite still finds room in the files that it has", async (t) => {
    const disk = ownFileSystem(t, 8192);
    if (disk === undefined) return t.skip(mountingNeedsRoot);
    const stores = [
      new SqliteMetadataStore({ path: join(disk.directory, "metadata.db") }),
      new SqliteKeyTable(join(disk.directory, "signer.db")),
    ];
    t.after(() => Promise.all(stores.map((store) => store.close())));
    for (let turn = 0; turn < 40; turn += 1) for (const store of stores) await store.check();
    for (const name of ["metadata.db", "signer.db"]) emptyLog(join(disk.directory, name));
    disk.fill();
    for (const store of stores)
      await assert.rejects(store.check(), { code: "STORAGE_FAILED", message: /the disk is full/u });
    disk.empty();
    for (const store of stores) await store.check();
  });

  it("I7: writes nothing of a publication that does not fit, where the database may not grow", async (t) => {
    const store = new SqliteMetadataStore({ path: join(temporaryDirectory(t), "metadata.db"), maxPages: 30 });
    const server = await serve(t, { store });
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    const acknowledged = await publishUntilFull(publisher);
    assert.deepEqual(await readTags(server.url, gun), acknowledged);
    assert.equal(await healthStatus(server), 503);
    assert.ok(server.lines.some(({ event, error }) => event === "request failed" && /full/u.test(String(error))));
  });
});
