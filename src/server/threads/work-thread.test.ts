import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { OddTask } from "../../../test/support/odd-tasks.ts";
import { hasCode, TagsealError } from "../../errors.ts";
import { UpdateRefused } from "../../tuf/update-refused.ts";
import { threadFile, WorkThread, type Answer, type WorkThreadOptions } from "./work-thread.ts";

const file = new URL("../../../test/support/odd-tasks.ts", import.meta.url);

function startThread(t: TestContext, options: Partial<WorkThreadOptions> = {}) {
  const thread = new WorkThread<OddTask>({
    file,
    maxHeapMebibytes: 32,
    patienceMs: 30_000,
    onEnd: ({ reason }) => new Error(`ended: ${reason}`),
    ...options,
  });
  t.after(() => thread.close());
  const run = (value: OddTask, answer?: Answer): Promise<unknown> => thread.run(() => ({ value, memory: [] }), answer);
  return { thread, run };
}

it("does one task after the other, and asks in between", async (t) => {
  const { thread, run } = startThread(t);
  const answer: Answer = async (question) => ({ value: `${String(question)} this`, memory: [] });
  assert.deepEqual(await Promise.all([run("echo"), run("ask", answer), run("echo")]), [
    "echo",
    "what is it? this",
    "echo",
  ]);
  assert.deepEqual(thread.counts, { done: 3, ended: 0 });
});

it("brings errors back with all that callers branch on", async (t) => {
  const { run } = startThread(t);
  const refused: unknown = await run("refuse").catch((error: unknown) => error);
  assert.ok(refused instanceof UpdateRefused);
  const { kind, missing, message, hint, cause } = refused;
  assert.deepEqual([kind, missing, message, hint], ["ErrBadTargets", "snapshot", "not like this", "Do it otherwise."]);
  assert.ok(hasCode(cause, "METADATA_MALFORMED"));
  await assert.rejects(run("fail"), { message: "too much" });
});

it("passes the error of an answer on as the very same error", async (t) => {
  const { run } = startThread(t);
  const lost = new TagsealError("STORAGE_FAILED", "the store is away");
  const found: unknown = await run("ask", () => Promise.reject(lost)).catch((error: unknown) => error);
  assert.equal(found, lost);
});

for (const [task, reason] of [
  ["fill the memory", "memory"],
  ["exit", "crash"],
] as const)
  it(`I9: a task that makes the thread end (${reason}) fails, and those behind it get another thread`, async (t) => {
    const { thread, run } = startThread(t);
    const fatal = run(task);
    const next = run("echo");
    await assert.rejects(fatal, { message: `ended: ${reason}` });
    assert.equal(await next, "echo");
    assert.deepEqual(thread.counts, { done: 1, ended: 1 });
  });

it("I9: a task without an end fails after its time, in which the time of answers does not count", async (t) => {
  const { run } = startThread(t, { patienceMs: 400 });
  const slow: Answer = () => new Promise((resolve) => setTimeout(resolve, 600, { value: "late", memory: [] }));
  assert.equal(await run("ask", slow), "late");
  await assert.rejects(run("spin"), { message: "ended: time" });
  assert.equal(await run("echo"), "echo");
});

it("I9: a result that comes while its thread is ended is too late, and the next task gets another thread", async (t) => {
  const { run } = startThread(t, { patienceMs: 100 });
  assert.equal(await run("echo"), "echo");
  await nextTurn();
  const late = run("echo");
  const next = run("echo");
  // Both are waiting when this thread looks again: first the end of the patience, then the result.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  await assert.rejects(late, { message: "ended: time" });
  assert.equal(await next, "echo");
});

it("makes a task only when its turn has come", async (t) => {
  const { thread, run } = startThread(t);
  let isMade = false;
  const first = run("ask", async () => ({ value: isMade, memory: [] }));
  const second = thread.run(() => {
    isMade = true;
    return { value: "echo", memory: [] };
  });
  assert.deepEqual(await Promise.all([first, second]), [false, "echo"]);
  assert.ok(isMade);
});

it("ends when it has nothing to do, and starts again", async (t) => {
  const { run, thread } = startThread(t, { idleMs: 1 });
  assert.equal(await run("echo"), "echo");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await run("echo"), "echo");
  assert.equal(thread.counts.ended, 0);
});

it("ends every task when it is closed", async (t) => {
  const { run, thread } = startThread(t);
  const tasks = [run("spin"), run("echo")].map((task) => assert.rejects(task, { message: "ended: closed" }));
  await thread.close();
  await Promise.all(tasks);
});

it("is not usable without its file, as in the executable", (t) => {
  assert.equal(startThread(t, { file: threadFile(import.meta.url, "no-such-thread") }).thread.isUsable, false);
});
