import assert from "node:assert/strict";
import { test } from "node:test";
import { trustCacheContract } from "../../test/contract/trust-cache.ts";
import { MemoryTrustCache } from "./memory-cache.ts";

trustCacheContract("a memory of one process", async () => {
  const cache = new MemoryTrustCache();
  return () => cache;
});

test("what lies beneath a memory answers until it is removed, and does not change", async () => {
  const beneath = new MemoryTrustCache();
  await beneath.store("root", Buffer.from("old"));
  const cache = new MemoryTrustCache(beneath);
  assert.equal(String(await cache.load("root")), "old");
  await cache.store("root", Buffer.from("new"));
  assert.equal(String(await cache.load("root")), "new");
  await cache.remove();
  assert.equal(await cache.load("root"), undefined);
  assert.equal(String(await beneath.load("root")), "old");
});
