import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { pause } from "./retry.ts";

/** How {@link withCollectionLock} waits; times in milliseconds. */
export interface LockOptions {
  /** how long to queue before going on without the lock */
  readonly patienceMs: number;
  /** an owner that gave no sign of life for this long is dead */
  readonly deadAfterMs: number;
  /** between two looks at a lock that is taken */
  readonly pollMs: number;
  /** ends the queueing with `CANCELLED` */
  readonly signal?: AbortSignal;
}

const defaults: LockOptions = { patienceMs: 15_000, deadAfterMs: 4_000, pollMs: 25 };

/**
 * Runs `work` while no other process of this machine (or of any machine sharing the directory) runs work under the same file.
 *
 * The lock saves work and keeps a cache tidy; it is never what correctness rests on, because publishers may sit on other machines.
 * So whoever cannot get it in time, or cannot write the directory, goes on without. Owners show life by touching the file: process
 * numbers mean nothing across containers that share a volume, and clocks may differ, so a waiter judges by its own stopwatch whether
 * the file changes.
 *
 * @param path the lock file; its directory is made if need be
 * @throws TagsealError `CANCELLED` while queueing
 */
export async function withCollectionLock<T>(
  path: string,
  work: () => Promise<T>,
  options: Partial<LockOptions> = {},
): Promise<T> {
  const settings = { ...defaults, ...options };
  const token = randomUUID();
  if (!(await acquire(path, token, settings))) return await work();
  const pulse = setInterval(() => void touch(path), settings.deadAfterMs / 4);
  pulse.unref();
  try {
    return await work();
  } finally {
    clearInterval(pulse);
    await release(path, token);
  }
}

async function acquire(path: string, token: string, options: LockOptions): Promise<boolean> {
  const started = performance.now();
  let seen = { sign: "", since: started };
  for (;;) {
    const outcome = await tryCreate(path, token);
    if (outcome !== "taken") return outcome === "mine";
    const sign = await signOfLife(path);
    const now = performance.now();
    if (sign !== seen.sign) seen = { sign, since: now };
    else if (now - seen.since > options.deadAfterMs) await removeDead(path, sign, token);
    if (now - started > options.patienceMs) return false;
    await pause(options.pollMs * (0.5 + Math.random()), options.signal);
  }
}

async function tryCreate(path: string, token: string): Promise<"mine" | "taken" | "impossible"> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "wx", 0o600);
    await file.writeFile(token).finally(() => file.close());
    return "mine";
  } catch (error) {
    // Anything but "exists" (read-only directory, no space) cannot get better by waiting; see above why going on is safe.
    return (error as NodeJS.ErrnoException).code === "EEXIST" ? "taken" : "impossible";
  }
}

/** Changes whenever the owner changes or touches its lock. */
async function signOfLife(path: string): Promise<string> {
  try {
    const [token, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    return `${token} ${mtimeMs}`;
  } catch {
    // Released between two looks: the next attempt finds out.
    return "";
  }
}

async function removeDead(path: string, sign: string, token: string): Promise<void> {
  const aside = `${path}.${token}`;
  try {
    // Of several waiters one wins the rename. Looking once more first keeps the window for taking a live lock tiny.
    if (sign === "" || (await signOfLife(path)) !== sign) return;
    await rename(path, aside);
    await unlink(aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function touch(path: string): Promise<void> {
  try {
    const file = await open(path, "r+");
    const now = new Date();
    await file.utimes(now, now).finally(() => file.close());
  } catch {
    // Removed under us: the work goes on, as it does without a lock.
  }
}

async function release(path: string, token: string): Promise<void> {
  try {
    if ((await readFile(path, "utf8")) === token) await unlink(path);
  } catch {
    // Already gone: somebody judged us dead, or removed the whole directory. Nothing left to release.
  }
}
