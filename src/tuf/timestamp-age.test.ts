import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationWords, signedAt } from "./timestamp-age.ts";

const hour = 3_600_000;
const day = 24 * hour;
const expiresAt = new Date("2026-06-15T12:00:00Z");
const before = (ms: number): Date => new Date(expiresAt.getTime() - ms);

describe("when a timestamp was signed", () => {
  it("is its expiry minus the shortest usual lifetime that covers its remaining life when first seen", () => {
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(20 * hour) }), before(day));
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(day) }), before(day));
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(2 * day) }), before(14 * day));
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(14 * day) }), before(14 * day));
  });

  it("allows clocks to differ by minutes", () => {
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(day + 60_000) }), before(day));
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(14 * day + 60_000) }), before(14 * day));
  });

  it("is unknown for a longer life than any usual one", () => {
    assert.equal(signedAt({ expiresAt, seenAt: before(15 * day) }), undefined);
  });

  it("follows from the configured lifetime, and from no other", () => {
    assert.deepEqual(signedAt({ expiresAt, seenAt: before(hour), lifetimeMs: 7 * day }), before(7 * day));
    assert.equal(signedAt({ expiresAt, seenAt: before(8 * day), lifetimeMs: 7 * day }), undefined);
  });
});

it("durations are written in the largest unit that fits", () => {
  assert.deepEqual(
    [-5_000, 0, 59_999, 60_000, 3 * hour + 1, 50 * hour].map((ms) => durationWords(ms)),
    ["0 s", "0 s", "59 s", "1 min", "3 h", "2 d"],
  );
});
