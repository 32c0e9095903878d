import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeyedLock } from "./keyed-lock.ts";

describe("KeyedLock", () => {
  it("runs work under one key one after the other, in the order it came", async () => {
    const lock = new KeyedLock();
    const seen: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
    };
    await Promise.all([lock.hold("x", work("a")), lock.hold("x", work("b"))]);
    assert.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends"]);
  });

  it("lets work under other keys continue", async () => {
    const lock = new KeyedLock();
    const never = lock.hold("x", () => new Promise(() => {}));
    assert.equal(await lock.hold("y", async () => 1), 1);
    assert.ok(never);
  });

  it("continues after work that failed", async () => {
    const lock = new KeyedLock();
    const failing = lock.hold("x", async () => Promise.reject(new Error("no")));
    const next = lock.hold("x", async () => "yes");
    await assert.rejects(failing, /no/u);
    assert.equal(await next, "yes");
  });
});
