import assert from "node:assert/strict";
import { it } from "node:test";
import { defaultLimits } from "../run/server-options.ts";
import { CollectionCache } from "./collection-cache.ts";

it("keeps the timestamps and snapshots of ten thousand repositories, so that a reader costs the same among them", () => {
  const cache = new CollectionCache(defaultLimits.maxCacheBytes);
  const file = (role: string, bytes: number) => ({
    role,
    version: 1,
    sha256: "",
    bytes: new Uint8Array(bytes),
    createdAt: new Date(0),
  });
  const guns = Array.from({ length: 10_000 }, (_, at) => `registry.example.com/team/app${at}`);
  // as they are for a repository without signers
  for (const gun of guns) cache.grow(gun, cache.entry(gun), [file("timestamp", 490), file("snapshot", 700)]);
  assert.deepEqual(
    guns.filter((gun) => cache.find(gun) === undefined),
    [],
  );
});
