import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { waitUntil } from "../../test/support/processes.ts";
import { TagsealError } from "../errors.ts";
import { Probe } from "./probe.ts";

/** A part that answers when a test lets it. */
function partThatHangs() {
  const tries: PromiseWithResolvers<void>[] = [];
  const probe = new Probe(() => {
    const attempt = Promise.withResolvers<void>();
    tries.push(attempt);
    return attempt.promise;
  }, 50);
  return { tries, probe };
}

describe("probing a part", () => {
  it("says after its patience that the part does not answer, and lets one try wait, however many ask", async () => {
    const { tries, probe } = partThatHangs();
    const startedAt = performance.now();
    const silent = { reason: "does not answer" };
    assert.deepEqual(await Promise.all([probe.look(), probe.look()]), [silent, silent]);
    assert.deepEqual(await probe.look(), silent);
    assert.deepEqual(probe.fault, silent);
    assert.ok(performance.now() - startedAt < 700);
    assert.equal(tries.length, 1);
    tries[0]?.resolve();
    await pause(1);
    assert.equal(probe.fault, undefined);
    assert.equal(await probe.look(), undefined, "good for a second");
    assert.equal(tries.length, 1);
  });

  it("shows strangers the code, keeps the rest for the log, and continues to report it while the next try hangs", async (t) => {
    const clock = { ms: 0 };
    t.mock.method(performance, "now", () => clock.ms);
    const { tries, probe } = partThatHangs();
    const looked = probe.look();
    tries[0]?.reject(new TagsealError("STORAGE_FAILED", "Cannot write to /somewhere"));
    const fault = await looked;
    assert.equal(fault?.reason, "STORAGE_FAILED");
    assert.match(JSON.stringify(fault?.details), /somewhere/u);
    clock.ms += 1000;
    assert.equal((await probe.look())?.reason, "STORAGE_FAILED");
    assert.equal(tries.length, 2);
  });

  it("looks by itself while it is begun", async (t) => {
    let tries = 0;
    const probe = new Probe(async () => {
      tries += 1;
      throw new Error("broken");
    });
    t.after(() => probe.stop());
    probe.begin();
    await waitUntil("it has looked", () => probe.fault !== undefined);
    assert.equal(probe.fault?.reason, "INTERNAL");
    await probe.look();
    assert.ok(tries >= 2, "nobody who asks gets what was found before");
  });
});
