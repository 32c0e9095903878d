import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { compare, hashSync } from "bcryptjs";
import { PasswordThread } from "./password-thread.ts";

/** `correct horse`, at a cost that takes most of a second. */
const slowHash = "$2b$13$IecicRrXbvqjxZGNUikTvu3kDuQzko5TSZ3yPkq06.13AxXdlhNNe";

function open(t: TestContext, compareHere = compare): PasswordThread {
  const thread = new PasswordThread(compareHere);
  t.after(() => thread.close());
  return thread;
}

/** How many turns the event loop made while a promise was pending. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let isPending = true;
  let turns = 0;
  const count = (): void => {
    turns += 1;
    if (isPending) setImmediate(count);
  };
  setImmediate(count);
  await work.finally(() => (isPending = false));
  return turns;
}

describe("the thread that compares passwords", () => {
  it("accepts right passwords and refuses wrong ones", async (t) => {
    const thread = open(t);
    const hash = hashSync("wonderland", 4);
    const asked = ["wonderland", "Wonderland", "", "wonderland"].map((password) => thread.compare(password, hash));
    assert.deepEqual(await Promise.all(asked), [true, false, false, true]);
    assert.ok(thread.isUsable);
  });

  it("keeps the event loop free, which bcrypt alone does not", async (t) => {
    const thread = open(t);
    assert.equal(await thread.compare("x", slowHash), false);
    const here = await turnsDuring(compare("correct horse", slowHash));
    const there = await turnsDuring(thread.compare("correct horse", slowHash));
    assert.ok(there > 20 * here, `${there} turns beside the thread, ${here} without it`);
  });

  it("is replaced by the main thread when it dies, and no caller waits forever", async (t) => {
    const here: string[] = [];
    const thread = open(t, async (password) => here.push(password) > 0);
    const pending = thread.compare("asked", slowHash);
    await thread.close();
    assert.equal(await pending, true);
    assert.equal(await thread.compare("asked afterwards", slowHash), true);
    assert.deepEqual(here, ["asked", "asked afterwards"]);
    assert.ok(!thread.isUsable);
  });

  it("is replaced by the main thread when a comparison makes it fail", async (t) => {
    const failures: unknown[] = [];
    const thread = new PasswordThread(
      async () => true,
      (error) => failures.push(error),
    );
    t.after(() => thread.close());
    // no hash at all, which bcrypt throws for
    assert.equal(await thread.compare("x", undefined as unknown as string), true);
    assert.ok(!thread.isUsable);
    assert.equal(failures.length, 1);
  });
});
