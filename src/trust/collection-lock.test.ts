import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { withCollectionLock } from "./collection-lock.ts";

let directory: string;
before(async () => void (directory = await mkdtemp(join(tmpdir(), "lock-"))));
after(async () => await rm(directory, { recursive: true }));

const quick = { patienceMs: 2_000, deadAfterMs: 80, pollMs: 4 };

test("work under one lock never overlaps", async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, async () => await withCollectionLock(join(directory, "a"), work, quick)));
  equal(most, 1);
  deepEqual(await readdir(directory), []);
});

test("the lock of a dead owner is taken over", async () => {
  const path = join(directory, "b");
  await writeFile(path, "an owner that was killed");
  equal(await withCollectionLock(path, async () => "done", quick), "done");
  deepEqual(await readdir(directory), []);
});

test("a living owner keeps its lock however long it works, whatever its clock says", async () => {
  const path = join(directory, "c");
  const order: string[] = [];
  const slow = withCollectionLock(
    path,
    async () => {
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        await utimes(path, i, i); // 1970: a clock far behind ours
      }
      order.push("slow");
    },
    quick,
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
  await withCollectionLock(path, async () => void order.push("next"), quick);
  await slow;
  deepEqual(order, ["slow", "next"]);
});

test("whoever loses patience works without the lock, and leaves it to its owner", async () => {
  const path = join(directory, "d");
  await withCollectionLock(path, async () => {
    equal(
      await withCollectionLock(path, async () => "anyway", { ...quick, deadAfterMs: 10_000, patienceMs: 20 }),
      "anyway",
    );
    deepEqual(await readdir(directory), ["d"]);
  });
});

test("a directory that cannot be written does not stop the work", async () => {
  const file = join(directory, "a-file");
  await writeFile(file, "");
  equal(await withCollectionLock(join(file, "x", "lock"), async () => "done", quick), "done");
  await rm(file);
});

test("the lock is released when the work fails", async () => {
  const path = join(directory, "e");
  await rejects(
    withCollectionLock(path, async () => await Promise.reject(new Error("boom")), quick),
    /boom/,
  );
  ok(!(await readdir(directory)).includes("e"));
});

test("whoever gives up does not have to wait for its turn", async () => {
  const path = join(directory, "f");
  await withCollectionLock(path, async () => {
    const started = performance.now();
    const queueing = withCollectionLock(path, async () => "never", { signal: AbortSignal.timeout(20) });
    await rejects(queueing, { code: "CANCELLED" });
    ok(performance.now() - started < 1_000);
  });
});
