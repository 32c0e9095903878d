import { randomUUID } from "node:crypto";
import { closeSync } from "node:fs";
import { lookAtLock, releaseLock, removeDeadLock, type TakenLock, touchLock, tryCreateLock } from "./lock-on-disk.ts";
import { type LockOwner, ownerText, parseOwner, stateOf, thisProcess } from "./lock-owner.ts";
import { pause } from "../timing/pause.ts";

/** How {@link withFileLock} waits; times in milliseconds. */
export interface LockOptions {
  /** how long to wait before continuing without the lock */
  readonly patienceMs: number;
  /** an owner of which nothing else is known counts as dead after this long without a sign of life */
  readonly deadAfterMs: number;
  /** between two checks of a lock that is taken */
  readonly pollMs: number;
  /** ends the wait with `CANCELLED` */
  readonly signal?: AbortSignal;
}

const defaults: LockOptions = { patienceMs: 15_000, deadAfterMs: 4_000, pollMs: 25 };

/** A lock without its last character is being written at this moment, or was cut short by a full disk. */
const tornAfterMs = 100;

/**
 * Runs `work` while no other process of this machine (or of any machine sharing the directory) runs work under the same file.
 *
 * The lock saves work and keeps a cache tidy; correctness never depends on it, because publishers may use other machines.
 * A process that does not get it in time continues without it. The lock of a process that ended is taken at once. Where that cannot be known,
 * such as for another machine or container, owners show life by touching the file, and a waiter measures by its own clock whether the
 * file changes: clocks may differ.
 *
 * @param path the lock file; its directory is created if needed
 * @throws UsageError `FILE_UNWRITABLE` when the lock cannot be created: no permission, no space, or another kind of file at its path
 * @throws TagsealError `CANCELLED` while waiting
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: Partial<LockOptions> = {},
): Promise<T> {
  const settings = { ...defaults, ...options };
  const us = thisProcess();
  const text = `${[randomUUID(), ...(us === undefined ? [] : [ownerText(us)])].join(" ")}\n`;
  const lock = await acquire(path, text, us, settings);
  if (lock === undefined) return await work();
  const pulse = setInterval(() => touchLock(lock), settings.deadAfterMs / 4);
  pulse.unref();
  try {
    return await work();
  } finally {
    clearInterval(pulse);
    closeSync(lock);
    releaseLock(path, text);
  }
}

/** @returns an open handle of the lock; undefined when the wait ended before the other owner did */
async function acquire(
  path: string,
  text: string,
  us: LockOwner | undefined,
  options: LockOptions,
): Promise<number | undefined> {
  const started = performance.now();
  let seen = { sign: "", since: started };
  for (;;) {
    const lock = tryCreateLock(path, text);
    if (lock !== undefined) return lock;
    const taken = lookAtLock(path);
    const now = performance.now();
    if (taken === undefined) continue; // released between two checks
    if (taken.sign !== seen.sign) seen = { sign: taken.sign, since: now };
    if (isDead(taken, us, now - seen.since, options)) {
      removeDeadLock(path, taken);
      continue;
    }
    if (now - started > options.patienceMs) return undefined;
    await pause(options.pollMs * (0.5 + Math.random()), options.signal);
  }
}

function isDead({ text }: TakenLock, us: LockOwner | undefined, unchangedMs: number, options: LockOptions): boolean {
  if (!text.endsWith("\n")) return unchangedMs > tornAfterMs;
  const owner = parseOwner(text.slice(text.indexOf(" ") + 1, -1));
  const state = owner === undefined ? "unknown" : stateOf(owner, us);
  return state === "ended" || (state === "unknown" && unchangedMs > options.deadAfterMs);
}
