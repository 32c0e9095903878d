import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ExpiryWatch } from "./expiry-watch.ts";

function entry(dueAt: number) {
  return { expiresAt: dueAt + 100, dueAt, failures: 0, isOwners: false };
}

describe("an expiry watch", () => {
  it("names what is due, longest first, up to a bound", () => {
    const watch = new ExpiryWatch(10);
    for (const [gun, dueAt] of [
      ["c", 3],
      ["a", 1],
      ["d", 4],
      ["b", 2],
    ] as const)
      watch.set(gun, entry(dueAt));
    assert.deepEqual(watch.due(3, 10), ["a", "b", "c"]);
    assert.deepEqual(watch.due(3, 2), ["a", "b"]);
    assert.deepEqual(watch.due(0, 10), []);
  });

  it("keeps the latest value of a name and forgets on request", () => {
    const watch = new ExpiryWatch(10);
    watch.set("a", entry(1));
    watch.set("a", entry(5));
    watch.set("b", entry(1));
    watch.forget("b");
    assert.deepEqual(watch.due(4, 10), []);
    assert.equal(watch.size, 1);
  });

  it("never holds more than its bound, and knows the time up to which it is complete", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (dueAts, maxEntries) => {
        const watch = new ExpiryWatch(maxEntries);
        for (const [index, dueAt] of dueAts.entries()) {
          watch.set(`gun-${index}`, entry(dueAt));
          assert.ok(watch.size <= maxEntries);
        }
        const certain = dueAts.filter((dueAt) => dueAt < watch.knownUntil).length;
        assert.equal(
          watch.due(watch.knownUntil - 1, 1000).length,
          Number.isFinite(watch.knownUntil) ? certain : watch.due(1e9, 1000).length,
        );
        if (!Number.isFinite(watch.knownUntil)) assert.equal(watch.size, dueAts.length);
      }),
    );
  });

  it("accepts everything again after a reset", () => {
    const watch = new ExpiryWatch(2);
    for (const dueAt of [1, 2, 3]) watch.set(`gun-${dueAt}`, entry(dueAt));
    watch.set("late", entry(9));
    assert.equal(watch.get("late"), undefined);
    watch.relearn();
    watch.set("late", entry(9));
    assert.equal(watch.get("late")?.dueAt, 9);
  });
});
