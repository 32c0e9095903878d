/** A copy of the embedded databases, taken while a server or signer works on them. */

import { randomUUID } from "node:crypto";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { TagsealError, UsageError } from "../../errors.ts";
import { asItsOwner, requireDatabase } from "./require-database.ts";

/** What to copy, and the target. */
export interface Backup {
  readonly dataDir: string;
  /** files in it; the keys last, so that the copy has every key that its metadata names */
  readonly databases: readonly string[];
  /** a directory that does not exist, or is empty */
  readonly to: string;
  readonly signal?: AbortSignal | undefined;
}

/** A file of the backup. */
export interface BackupFile {
  readonly name: string;
  readonly bytes: number;
}

/** 4 MiB: between two of these steps other work continues, and an interruption takes effect. */
const pagesPerStep = 1024;

/**
 * Copies databases, one after another. Each copy shows its database at one moment, however much is written meanwhile. The directory, readable by its
 * owner only, appears whole and on disk or not at all.
 *
 * @returns the files, in the order they were copied
 * @throws UsageError `FILE_UNREADABLE` when a database does not exist, `FILE_UNWRITABLE`; TagsealError `STORAGE_FAILED`
 */
export async function backUp({ dataDir, databases, to, signal }: Backup): Promise<readonly BackupFile[]> {
  for (const name of databases) requireDatabase(join(dataDir, name));
  const target = resolve(to);
  if (!(await written(to, async () => isFree(target)))) throw occupied(target);
  const temporary = join(dirname(target), `.${basename(target)}.tagseal-${randomUUID()}`);
  await written(to, async () => mkdirSync(temporary, { mode: 0o700 }));
  try {
    const files: BackupFile[] = [];
    for (const name of databases) {
      const path = join(temporary, name);
      await copyDatabase(join(dataDir, name), path, signal);
      files.push({ name, bytes: statSync(path).size });
    }
    await written(to, async () => {
      await syncDirectory(temporary);
      await rename(temporary, target);
      await syncDirectory(dirname(target));
    });
    return files;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** A backup mixed with older files would be unusable. */
function isFree(path: string): boolean {
  return !existsSync(path) || (statSync(path).isDirectory() && readdirSync(path).length === 0);
}

function occupied(path: string): UsageError {
  return new UsageError("FILE_UNWRITABLE", `${path} is there already and is not an empty directory`, {
    hint: "Name a new directory for each backup.",
  });
}

/** The source is only read, and its schema is not changed: a server of another release may be using it. */
async function copyDatabase(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  // SQLite keeps the mode of an existing file
  closeSync(openSync(to, "wx", 0o600));
  chmodSync(to, 0o600);
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true });
    // Holds this moment: without it, each write by another process would restart the copy.
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    signal?.throwIfAborted();
    await backup(source, to, { rate: pagesPerStep, progress: () => signal?.throwIfAborted() });
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TagsealError("STORAGE_FAILED", `Cannot copy ${from} to ${to}: ${reason}`, {
      cause,
      hint: `Check free space. ${asItsOwner}`,
    });
  } finally {
    source?.close();
  }
}

async function written<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError("FILE_UNWRITABLE", `Cannot write ${path}: ${reason}`, {
      cause,
      hint: "Name a new directory, in one that this account may write to; not a mount point, but a directory in it.",
    });
  }
}

/** Makes files written to a directory survive a crash. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
