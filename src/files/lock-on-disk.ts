/** The lock file that `withFileLock` waits for: created whole, looked at, touched, removed. No step waits. */
import { closeSync, futimesSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../errors.ts";
import { makeDirectory } from "./make-directory.ts";
import { readPrivateFile } from "./read-private-file.ts";
import { errorsWithoutLinks, isErrno, isSystemError, systemReason } from "./system-error.ts";
import { besideIt } from "./write-atomically.ts";

/** A lock is a line of some hundred characters. */
const maxLockBytes = 4_096;

/** A lock held by another process. */
export interface TakenLock {
  readonly text: string;
  /** changes whenever the owner changes or touches its lock */
  readonly sign: string;
}

/**
 * Creates the lock whole: it is written to a temporary file and then linked, so that neither a reader nor a full disk sees a part of it.
 *
 * @returns an open handle; undefined when there is a lock already
 */
export function tryCreateLock(path: string, text: string): number | undefined {
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
    if (file !== undefined && isErrno(error, ...errorsWithoutLinks)) return createInPlace(path, text);
    throw unlockable(path, error);
  }
}

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

/** Reads a lock. @returns undefined when it does not exist any more */
export function lookAtLock(path: string): TakenLock | undefined {
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

/** Removes the lock of a process that ended, unless another waiter was faster. */
export function removeDeadLock(path: string, dead: TakenLock): void {
  // Of several waiters one wins the rename.
  if (lookAtLock(path)?.sign !== dead.sign) return;
  const aside = besideIt(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw unlockable(path, error);
  }
  // Another waiter has just removed it and taken the lock: its lock is put back, unless there is a third by now.
  if (lookAtLock(aside)?.text !== dead.text) putBack(aside, path);
  unlinkIfThere(aside);
}

function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST", ...errorsWithoutLinks)) throw unlockable(path, error);
  }
}

/** Shows that the owner is alive. */
export function touchLock(lock: number): void {
  try {
    const now = new Date();
    futimesSync(lock, now, now);
  } catch (error) {
    // The work continues, as it does without a lock.
    if (!isSystemError(error)) throw error;
  }
}

/** Removes the lock if it is still ours. */
export function releaseLock(path: string, text: string): void {
  try {
    if (lookAtLock(path)?.text === text) unlinkSync(path);
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
