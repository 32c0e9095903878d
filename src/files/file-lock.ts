import { randomUUID } from "node:crypto";
import { closeSync, futimesSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../errors.ts";
import { makeDirectory } from "./make-directory.ts";
import { readPrivateFile } from "./read-private-file.ts";
import { isErrno, isSystemError, systemReason } from "./system-error.ts";
import { besideIt } from "./write-atomically.ts";
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
/** A lock is a line of some hundred characters. */
const maxLockBytes = 4_096;

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
  const pulse = setInterval(() => touch(lock), settings.deadAfterMs / 4);
  pulse.unref();
  try {
    return await work();
  } finally {
    clearInterval(pulse);
    closeSync(lock);
    release(path, text);
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
    const lock = tryCreate(path, text);
    if (lock !== undefined) return lock;
    const taken = lookAt(path);
    const now = performance.now();
    if (taken === undefined) continue; // released between two checks
    if (taken.sign !== seen.sign) seen = { sign: taken.sign, since: now };
    if (isDead(taken, us, now - seen.since, options)) {
      removeDead(path, taken);
      continue;
    }
    if (now - started > options.patienceMs) return undefined;
    await pause(options.pollMs * (0.5 + Math.random()), options.signal);
  }
}

/** A lock held by another process. */
interface TakenLock {
  readonly text: string;
  /** changes whenever the owner changes or touches its lock */
  readonly sign: string;
}

function isDead({ text }: TakenLock, us: LockOwner | undefined, unchangedMs: number, options: LockOptions): boolean {
  if (!text.endsWith("\n")) return unchangedMs > tornAfterMs;
  const owner = parseOwner(text.slice(text.indexOf(" ") + 1, -1));
  const state = owner === undefined ? "unknown" : stateOf(owner, us);
  return state === "ended" || (state === "unknown" && unchangedMs > options.deadAfterMs);
}

/** Creates the lock whole: it is written to a temporary file and then linked, so that neither a reader nor a full disk sees a part of it. */
function tryCreate(path: string, text: string): number | undefined {
  const aside = besideIt(path);
  let file: number | undefined;
  try {
    file = openForLock(aside);
    writeSync(file, text);
    linkSync(aside, path);
    unlinkSync(aside);
    return file;
  } catch (error) {
    if (file !== undefined) discard(file, aside);
    if (isErrno(error, "EEXIST")) return undefined;
    if (file !== undefined && isErrno(error, ...withoutLinks)) return createInPlace(path, text);
    throw unlockable(path, error);
  }
}

/** The errors of file systems without hard links. */
const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"] as const;

function createInPlace(path: string, text: string): number | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "wx", 0o600);
    writeSync(file, text);
    return file;
  } catch (error) {
    if (file !== undefined) discard(file, path);
    if (isErrno(error, "EEXIST")) return undefined;
    throw unlockable(path, error);
  }
}

function openForLock(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    makeDirectory(dirname(path));
    return openSync(path, "wx", 0o600);
  }
}

function discard(file: number, path: string): void {
  closeSync(file);
  unlinkIfThere(path);
}

/** @returns undefined when it does not exist any more */
function lookAt(path: string): TakenLock | undefined {
  let found: ReturnType<typeof readPrivateFile>;
  try {
    found = readPrivateFile(path, maxLockBytes);
  } catch (error) {
    throw unlockable(path, error);
  }
  if (found.kind === "nothing") return undefined;
  if (found.kind === "file") {
    const text = found.bytes.toString("latin1");
    return { text, sign: `${text} ${found.stats.mtimeMs} ${found.stats.ino}` };
  }
  const what = found.kind === "no file" ? found.what : "a large file";
  throw new UsageError("FILE_UNWRITABLE", `cannot lock ${path}: found ${what} there`, {
    hint: `Find out what put it there, then remove it: ${what === "a directory" ? "rm -r" : "rm"} ${path}`,
  });
}

function removeDead(path: string, dead: TakenLock): void {
  // Of several waiters one wins the rename.
  if (lookAt(path)?.sign !== dead.sign) return;
  const aside = besideIt(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw unlockable(path, error);
  }
  // Another waiter has just removed it and taken the lock: its lock is put back, unless there is a third by now.
  if (lookAt(aside)?.text !== dead.text) putBack(aside, path);
  unlinkIfThere(aside);
}

function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST", ...withoutLinks)) throw unlockable(path, error);
  }
}

function touch(lock: number): void {
  try {
    const now = new Date();
    futimesSync(lock, now, now);
  } catch (error) {
    // The work continues, as it does without a lock.
    if (!isSystemError(error)) throw error;
  }
}

function release(path: string, text: string): void {
  try {
    if (lookAt(path)?.text === text) unlinkSync(path);
  } catch (error) {
    // Already gone: another process took this one for dead, or removed the directory. Nothing to release.
    if (!isSystemError(error) && !(error instanceof UsageError)) throw error;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

function unlockable(path: string, cause: unknown): unknown {
  if (cause instanceof UsageError || !isSystemError(cause)) return cause;
  return new UsageError("FILE_UNWRITABLE", `cannot lock ${path}: ${systemReason(cause)}`, {
    cause,
    hint: "Make the trust directory writable, or set DOCKER_CONFIG to a directory that is.",
  });
}
