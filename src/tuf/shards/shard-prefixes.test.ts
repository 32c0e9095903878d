import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LongestPrefix } from "./shard-entries.ts";
import { automaticPrefixes, usualShardCount } from "./shard-prefixes.ts";

function sizes(names: readonly string[], prefixes: readonly string[]): number[] {
  const longest = new LongestPrefix(prefixes);
  const groups = Map.groupBy(names, (name) => longest.of(name));
  return prefixes.map((prefix) => groups.get(prefix)?.length ?? 0);
}

test("about 128 shards for 50,000 tags, of much the same size", () => {
  const names = Array.from({ length: 50_000 }, (_, at) => `v${at % 20}.${Math.floor(at / 20)}`);
  const count = usualShardCount(names.length);
  assert.ok(count >= 100 && count <= 160, `${count}`);
  const prefixes = automaticPrefixes(names, count);
  assert.ok(prefixes.length <= count && prefixes.length > count / 2, `${prefixes.length}`);
  assert.ok(Math.max(...sizes(names, prefixes)) < (3 * names.length) / count);
});

test("few tags make few shards, and one name makes one", () => {
  assert.deepEqual(automaticPrefixes(["v1"], 4), [""]);
  assert.deepEqual(automaticPrefixes(["v1.0", "v1.1", "v2.0"], 2), ["v1", ""]);
  assert.deepEqual(automaticPrefixes(["v1.0", "v1.1", "v2.0"], 9), ["v1", "v1.0", ""]);
});

test("every name has exactly one shard, the one with its longest prefix", () => {
  const tags = fc.uniqueArray(fc.stringMatching(/^[ab]{1,6}$/u), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(tags, fc.integer({ min: 1, max: 12 }), (names, count) => {
      const prefixes = automaticPrefixes(names, count);
      assert.equal(new Set(prefixes).size, prefixes.length);
      assert.equal(prefixes.at(-1), "");
      assert.ok(prefixes.length <= Math.max(count, 1));
      for (const name of names) {
        const fitting = prefixes.filter((prefix) => name.startsWith(prefix));
        assert.equal(new LongestPrefix(prefixes).of(name)?.length, Math.max(...fitting.map(({ length }) => length)));
      }
    }),
  );
});
