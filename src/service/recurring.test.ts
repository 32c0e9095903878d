import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Recurring } from "./recurring.ts";

describe("recurring work", () => {
  it("continues after it failed, and never runs twice at once", async () => {
    const seen: string[] = [];
    const enough = Promise.withResolvers<void>();
    let [running, count] = [0, 0];
    const recurring = new Recurring({
      work: async () => {
        running += 1;
        assert.equal(running, 1);
        await Promise.resolve();
        running -= 1;
        count += 1;
        seen.push(`turn ${count}`);
        if (count === 2) throw new Error("broken");
        if (count === 4) enough.resolve();
        return 0;
      },
      onError: (error) => seen.push(String(error)),
      retryMs: 1,
    });
    assert.equal(recurring.idleMs, undefined);
    recurring.begin(0);
    await enough.promise;
    await recurring.stop();
    assert.deepEqual(seen.slice(0, 5), ["turn 1", "turn 2", "Error: broken", "turn 3", "turn 4"]);
    assert.ok((recurring.idleMs ?? 0) > 0);
  });

  it("does not run again after it stopped, and stopping waits for work under way", async () => {
    const begun = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    let ended = 0;
    const recurring = new Recurring({
      work: async () => {
        begun.resolve();
        await leave.promise;
        ended += 1;
        return 0;
      },
      onError: (error) => assert.fail(String(error)),
      retryMs: 1,
    });
    recurring.begin(0);
    await begun.promise;
    const stopped = recurring.stop();
    assert.equal(ended, 0);
    leave.resolve();
    await stopped;
    assert.equal(ended, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(ended, 1);
  });
});
