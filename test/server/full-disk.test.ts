/** I7: a disk that is full. As root on a small file system of its own, otherwise on a database that may not grow. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
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

async function healthStatus(server: TestServer): Promise<number> {
  return (await fetch(`${server.url}/_notary_server/health`)).status;
}

describe("a full disk", () => {
  it("I7: refuses publications, keeps what was acknowledged, goes on serving reads, and recovers", async (t) => {
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
