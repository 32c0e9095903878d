/** Pruning beside a running server: the store gets smaller, and no client notices. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { pruneVersions, type PrunedCollection } from "../../src/server/retention/prune-versions.ts";
import type { FileVersion } from "../../src/server/storage/stored-file.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import { defaultLifetimes } from "../../src/server/freshness/lifetimes.ts";
import { openReplica } from "./replica.ts";
import { serve } from "./running-server.ts";
import { httpSource, readTags, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";
const dayMs = 86_400_000;
const keepMs = 30 * dayMs;

async function busyWorld(t: TestContext, publications: number, everyDays: number) {
  const clock = { ms: new Date("2026-11-23T04:00:00Z").getTime() };
  const now = (): Date => new Date(clock.ms);
  const server = await serve(t, { now, upkeep: false });
  const publisher = await new UploadingPublisher(server.url, gun, now).begin();
  for (let count = 0; count < publications; count += 1) {
    clock.ms += everyDays * dayMs;
    const response = await publisher.addTag(`tag-${count}`);
    assert.equal(response.status, 200, await response.text());
  }
  const { store } = await openReplica(t, server.dataDir, { now, lifetimes: defaultLifetimes });
  return { server, publisher, store, now, later: (days: number) => (clock.ms += days * dayMs) };
}

function sizeOf(versions: readonly FileVersion[]): number {
  return versions.reduce((sum, { length }) => sum + length, 0);
}

describe("pruning a store", () => {
  it("forgets what it says it would, to the byte, and every reader still verifies", async (t) => {
    const { server, publisher, store, now } = await busyWorld(t, 20, 5);
    const before = await store.versions(gun);
    const seen: PrunedCollection[] = [];
    const onCollection = (pruned: PrunedCollection): void => void seen.push(pruned);
    const dry = await pruneVersions({ store, now: now(), keepMs, dryRun: true, onCollection });
    assert.deepEqual(await store.versions(gun), before);
    const report = await pruneVersions({ store, now: now(), keepMs });
    assert.deepEqual(report, dry);
    const after = await store.versions(gun);
    assert.ok(report.forgottenVersions > 30);
    assert.deepEqual(seen, [{ gun, versions: report.forgottenVersions, bytes: report.forgottenBytes }]);
    assert.equal(before.length - after.length, report.forgottenVersions);
    assert.equal(sizeOf(before) - sizeOf(after), report.forgottenBytes);
    assert.deepEqual([report.collections, report.versions, report.bytes], [1, before.length, sizeOf(before)]);
    assert.equal((await readTags(server.url, gun, now())).length, 21);
    assert.equal((await publisher.addTag("afterwards")).status, 200);
    assert.equal((await readTags(server.url, gun, now())).length, 22);
  });

  it("I3: lets a reader continue from any cache, and keeps every root for it", async (t) => {
    const { server, publisher, store, now, later } = await busyWorld(t, 0, 0);
    const caches = new Map<number, MemoryMetadataCache>();
    const read = (cache: MemoryMetadataCache) =>
      updateCollection({ gun, source: httpSource(server.url, gun), cache, now: now() });
    for (let day = 0; day < 60; day += 6) {
      const cache = new MemoryMetadataCache();
      await read(cache);
      caches.set(day, cache);
      later(6);
      const rootKey = await publisher.held.generateRoot(gun, now());
      const rotate = await publisher.signed((editor) => editor.rotateKey("root", [rootKey]));
      assert.equal((await publisher.send(rotate)).status, 200);
      await publisher.addTag(`day-${day}`);
      await pruneVersions({ store, now: now(), keepMs: 10 * dayMs });
    }
    const roots = (await store.versions(gun)).filter(({ role }) => role === "root");
    assert.equal(roots.length, 11);
    for (const cache of caches.values()) assert.equal((await read(cache)).targets.body.targets.size, 11);
  });

  it("leaves a collection alone that it cannot read, says so, and continues", async (t) => {
    const { server, store, now, later } = await busyWorld(t, 2, 50);
    const other = await new UploadingPublisher(server.url, "zzz/app", now).begin();
    later(40);
    await other.addTag("v2");
    const base = (await store.current(gun, "timestamp"))?.sha256;
    const rubbish = { role: "snapshot", version: 9, sha256: "a".repeat(64), bytes: Buffer.from("{") };
    await store.publish({ gun, base, files: [rubbish], at: now() });
    later(40);
    const failed: string[] = [];
    const report = await pruneVersions({ store, now: now(), keepMs, onFailure: (name) => failed.push(name) });
    assert.deepEqual(failed, [gun]);
    assert.equal(report.failedCollections, 1);
    assert.equal(report.forgottenVersions, 3);
  });

  it("stops when asked to", async (t) => {
    const { store, now } = await busyWorld(t, 3, 50);
    const report = await pruneVersions({ store, now: now(), keepMs, signal: AbortSignal.abort() });
    assert.equal(report.collections, 0);
  });
});
