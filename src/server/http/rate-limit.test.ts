import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RateLimit, rateLimitsOf } from "./rate-limit.ts";
import { WireError } from "./wire-error.ts";

function limitAt(perMinute: number, maxClients?: number) {
  const clock = { ms: 0 };
  return { clock, limit: new RateLimit(perMinute, maxClients, () => clock.ms) };
}

function waitOf(limit: RateLimit, client: string): number | undefined {
  try {
    limit.take(client);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof WireError);
    assert.equal(error.status, 429);
    return Number(error.headers["Retry-After"]);
  }
}

describe("a rate limit", () => {
  it("lets a client use a minute's worth at once, then as much as is refilled", () => {
    const { clock, limit } = limitAt(6);
    for (let count = 0; count < 6; count += 1) assert.equal(waitOf(limit, "a"), undefined);
    assert.equal(waitOf(limit, "a"), 10);
    clock.ms += 4000;
    assert.equal(waitOf(limit, "a"), 6);
    clock.ms += 6000;
    assert.equal(waitOf(limit, "a"), undefined);
    assert.equal(waitOf(limit, "a"), 10);
    clock.ms += 3_600_000;
    for (let count = 0; count < 6; count += 1) assert.equal(waitOf(limit, "a"), undefined);
    assert.equal(limit.refused, 3);
  });

  it("may be so strict that nothing is allowed", () => {
    const { limit } = limitAt(0);
    assert.equal(waitOf(limit, "a"), 3600);
  });

  it("counts each client for itself", () => {
    const { limit } = limitAt(1);
    assert.equal(waitOf(limit, "a"), undefined);
    assert.equal(waitOf(limit, "b"), undefined);
    assert.equal(waitOf(limit, "a"), 60);
  });

  it("I1: remembers a bounded number of clients and forgets the least recently seen", () => {
    const { limit } = limitAt(1, 100);
    for (let count = 0; count < 10_000; count += 1) {
      waitOf(limit, "regular");
      waitOf(limit, `stranger ${count}`);
      assert.ok(limit.clients <= 100);
    }
    assert.equal(waitOf(limit, "regular"), 60);
    assert.equal(waitOf(limit, "stranger 0"), undefined);
  });

  it("exists only where one is set", () => {
    assert.deepEqual(Object.keys(rateLimitsOf({ uploadsPerMinute: 5, readsPerMinute: undefined })), ["uploads"]);
  });
});
