import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { mountingNeedsRoot, ownFileSystem } from "../../test/support/file-systems.ts";
import { withFileLock } from "./file-lock.ts";
import { ownerText, thisProcess } from "./lock-owner.ts";

let directory: string;
before(async () => void (directory = await mkdtemp(join(tmpdir(), "lock-"))));
after(async () => await rm(directory, { recursive: true }));

const quick = { patienceMs: 2_000, deadAfterMs: 80, pollMs: 4 };

/** Has as many workers take the lock at once, and counts how many of them had it together. */
async function mostAtOnce(workers: number, path: string, workMs: number): Promise<number> {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, workMs));
    inside--;
  };
  await Promise.all(Array.from({ length: workers }, async () => await withFileLock(path, work, quick)));
  return most;
}

test("work under one lock never overlaps", async () => {
  equal(await mostAtOnce(8, join(directory, "a"), 5), 1);
  deepEqual(await readdir(directory), []);
});

test("the lock of a dead owner is taken over", async () => {
  const path = join(directory, "b");
  await writeFile(path, "an owner that was killed");
  equal(await withFileLock(path, async () => "done", quick), "done");
  deepEqual(await readdir(directory), []);
});

test("a living owner keeps its lock however long it works, whatever its clock says", async () => {
  const path = join(directory, "c");
  const order: string[] = [];
  const slow = withFileLock(
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
  await withFileLock(path, async () => void order.push("next"), quick);
  await slow;
  deepEqual(order, ["slow", "next"]);
});

test("a waiter whose time is over works without the lock, and its owner keeps it", async () => {
  const path = join(directory, "d");
  await withFileLock(path, async () => {
    equal(await withFileLock(path, async () => "anyway", { ...quick, deadAfterMs: 10_000, patienceMs: 20 }), "anyway");
    deepEqual(await readdir(directory), ["d"]);
  });
});

test("a lock that cannot be created is an error, at once, and names its path", async () => {
  const file = join(directory, "a-file");
  await writeFile(file, "");
  await refusedAtOnce(join(file, "x", "lock"), /cannot lock .*a-file\/x\/lock: not a directory/u);
  await rm(file);
});

test("another kind of file at the path of a lock is an error, at once, and is neither followed nor waited for", async () => {
  const outside = join(directory, "outside");
  await writeFile(outside, "theirs");
  const path = join(directory, "occupied");
  const occupants: Record<string, () => unknown> = {
    "a directory": () => mkdirSync(path),
    "a link": () => symlinkSync(outside, path),
    "a link to nowhere": () => symlinkSync(join(directory, "nowhere"), path),
    "a pipe": () => execFileSync("mkfifo", [path]),
    "a large file": () => writeFileSync(path, "x".repeat(10_000)),
  };
  for (const [what, occupy] of Object.entries(occupants)) {
    occupy();
    await refusedAtOnce(path, new RegExp(`found ${what.replace(" to nowhere", "")} there`, "u"));
    equal(await readFile(outside, "utf8"), "theirs");
    await rm(path, { recursive: true });
  }
  deepEqual(await readdir(directory), ["outside"]);
  await rm(outside);
});

async function refusedAtOnce(path: string, message: RegExp): Promise<void> {
  const started = performance.now();
  const work = async (): Promise<void> => void (await Promise.reject(new Error("it ran")));
  await rejects(withFileLock(path, work), { code: "FILE_UNWRITABLE", message });
  ok(performance.now() - started < 500);
}

/** A process that takes the lock, reports it, and keeps it until it is killed. */
async function lockedByAnother(path: string): Promise<ChildProcess> {
  const module = JSON.stringify(join(import.meta.dirname, "file-lock.ts"));
  const work = `async () => { console.log("locked"); await new Promise((resolve) => setTimeout(resolve, 60_000)); }`;
  const script = `const { withFileLock } = await import(${module}); await withFileLock(${JSON.stringify(path)}, ${work});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

test("the lock of a process that was killed is taken at once", { skip: !existsSync("/proc/self/ns/pid") }, async () => {
  const path = join(directory, "killed");
  const child = await lockedByAnother(path);
  const waiting = withFileLock(path, async () => performance.now(), { deadAfterMs: 30_000, patienceMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  child.kill("SIGKILL");
  await once(child, "exit");
  const died = performance.now();
  const waited = (await waiting) - died;
  ok(waited < 500, `${waited} ms`);
  deepEqual(await readdir(directory), []);
});

test("a running process keeps its lock, however long it gives no sign of life", async () => {
  const path = join(directory, "running");
  const child = await lockedByAnother(path);
  const outcome = await withFileLock(path, async () => (await readdir(directory)).length, {
    ...quick,
    patienceMs: 300,
  });
  equal(outcome, 1, "it went on without, and the lock is still there");
  child.kill("SIGKILL");
  await once(child, "exit");
  await rm(path);
});

test("a reused process number is not the owner", async () => {
  const us = thisProcess();
  if (us === undefined) return;
  const path = join(directory, "reused");
  await writeFile(path, `token ${ownerText({ ...us, startedAt: "1" })}\n`);
  const started = performance.now();
  equal(await withFileLock(path, async () => "done"), "done");
  ok(performance.now() - started < 500);
});

test("an owner on another machine, or before a restart, is known by its signs of life only", async () => {
  const us = thisProcess();
  if (us === undefined) return;
  const path = join(directory, "elsewhere");
  await writeFile(path, `token ${ownerText({ ...us, machine: "another/pid:[1]", pid: 1 })}\n`);
  const started = performance.now();
  equal(await withFileLock(path, async () => "done", { ...quick, deadAfterMs: 300 }), "done");
  ok(performance.now() - started > 300);
});

test("an empty lock, as left by a full disk, costs a moment", async () => {
  const path = join(directory, "empty");
  for (const text of ["", "half-a-tok"]) {
    await writeFile(path, text);
    const started = performance.now();
    equal(await withFileLock(path, async () => "done"), "done");
    ok(performance.now() - started < 500);
  }
});

test("a full disk is an error, and no partial lock stays behind", async (t) => {
  const full = ownFileSystem(t, 64);
  if (full === undefined) return t.skip(mountingNeedsRoot);
  await writeFile(join(full.directory, "ballast"), Buffer.alloc(64 * 1024)).catch(() => undefined);
  await refusedAtOnce(join(full.directory, "lock"), /no space left on device/u);
  deepEqual(await readdir(full.directory), ["ballast"]);
});

test("many waiters for a dead owner's lock still work one after the other", async () => {
  const us = thisProcess();
  if (us === undefined) return;
  const path = join(directory, "stampede");
  await writeFile(path, `token ${ownerText({ ...us, startedAt: "1" })}\n`);
  equal(await mostAtOnce(20, path, 3), 1);
  deepEqual(await readdir(directory), []);
});

test("the lock is released when the work fails", async () => {
  const path = join(directory, "e");
  await rejects(
    withFileLock(path, async () => await Promise.reject(new Error("boom")), quick),
    /boom/,
  );
  ok(!(await readdir(directory)).includes("e"));
});

test("a waiter that gives up does not wait for its turn", async () => {
  const path = join(directory, "f");
  await withFileLock(path, async () => {
    const started = performance.now();
    const queueing = withFileLock(path, async () => "never", { signal: AbortSignal.timeout(20) });
    await rejects(queueing, { code: "CANCELLED" });
    ok(performance.now() - started < 1_000);
  });
});
