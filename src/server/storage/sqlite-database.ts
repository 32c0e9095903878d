/**
 * How this server opens an SQLite file: durable, with its schema brought up to date under a lock, and with errors that
 * name the file. The metadata store and the signer each have a separate file.
 */

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { TagsealError } from "../../errors.ts";
import { DiskPulse } from "./disk-pulse.ts";
import { FilePlaces } from "./file-places.ts";
import { sqliteFailure, isSqliteError, isBusy } from "./sqlite-error.ts";
import { type SchemaOptions, openSqliteDatabase } from "./sqlite-opening.ts";
import { busyTimeoutMs, committed, tryBegin } from "./sqlite-transaction.ts";

/** how long another process may hold the file */
const lockPatienceMs = 5000;
const lockRetryMs = 20;
/** More than a small publication needs, which touches a page of every table and index. */
const minFreeBytes = 65_536;

/**
 * An open SQLite file. Reads are answered at once; a write waits for the disk and for other processes' locks without blocking other requests, since
 * everything here runs on the thread that serves requests.
 */
export class SqliteFile {
  readonly database: DatabaseSync;
  readonly #path: string;
  readonly #disk: DiskPulse;
  readonly #places: FilePlaces;

  /**
   * Opens or creates it. WAL lets readers continue while a publication is committed; `synchronous=FULL` makes a commit
   * wait for the disk, so that what was acknowledged survives a power cut.
   *
   * @throws TagsealError `STORAGE_FAILED` when it cannot be opened, `SERVER_CONFIGURATION` when a newer release wrote it
   */
  constructor(schema: SchemaOptions) {
    this.#path = schema.path;
    this.database = openSqliteDatabase(schema);
    this.#places = new FilePlaces(["", "-wal", "-shm"].map((suffix) => schema.path + suffix));
    this.#disk = new DiskPulse(`${schema.path}-pulse`);
  }

  /** Runs a read. @throws TagsealError `STORAGE_FAILED` */
  read<T>(work: () => T): T {
    return this.#explained("read", work);
  }

  /**
   * Runs `work` in one transaction that holds the write lock from its start; rolls back when it throws.
   *
   * @throws TagsealError `STORAGE_FAILED`, also when the disk does not answer, or another process does not release the file, within seconds;
   *   and when the file is no longer the one at its path, which may show only after the transaction
   */
  async write<T>(work: () => T): Promise<T> {
    await this.#requireDisk();
    const deadline = performance.now() + lockPatienceMs;
    while (!this.#explained("write to", () => tryBegin(this.database))) {
      if (performance.now() > deadline) throw this.#failed("write to", "another process holds its lock");
      await pause(lockRetryMs);
    }
    const result = this.#explained("write to", () => committed(this.database, work));
    // Nothing is acknowledged that went to a file which is lost with this process.
    this.#requirePlace();
    return result;
  }

  /** Has another connection write, which was opened by the path: the file there must be this one, before and afterwards. @throws as {@link write} */
  async writeElsewhere(work: () => Promise<void>): Promise<void> {
    await this.#requireDisk();
    await work();
    this.#requirePlace();
  }

  /**
   * As {@link write}, but with room on the disk required: within the space its files already have, SQLite may continue for long on a full one; and the
   * directory must take a new file, since SQLite makes its logs again whenever the database is opened.
   *
   * @throws TagsealError `STORAGE_FAILED`
   */
  async probe(work: () => void): Promise<void> {
    this.#disk.renew();
    await this.write(work);
    const { refusal } = this.#disk;
    if (refusal !== undefined) throw this.#failed("make a file beside", refusal.message, refusal);
    // Zeros mean that the file system does not report its space.
    const { blocks, bavail, bsize } = await statfs(dirname(this.#path));
    if (blocks > 0 && bavail * bsize < minFreeBytes) throw this.#failed("write to", "the disk is full");
  }

  /** False while another connection has the file open. Empties the log beside the file, too. */
  isAlone(): boolean {
    this.database.exec("PRAGMA busy_timeout = 0");
    try {
      return this.database.prepare("PRAGMA journal_mode = DELETE").get()?.["journal_mode"] === "delete";
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    } finally {
      this.database.exec(`PRAGMA journal_mode = WAL; PRAGMA busy_timeout = ${busyTimeoutMs}`);
      this.#places.remember();
    }
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
    this.#disk.close();
  }

  async #requireDisk(): Promise<void> {
    this.#requirePlace();
    if (!(await this.#disk.beats())) throw this.#failed("write to", "the disk does not answer");
  }

  #requirePlace(): void {
    const { trouble } = this.#places;
    if (trouble === undefined) return;
    throw new TagsealError("STORAGE_FAILED", `Cannot write to ${this.#path}: ${trouble}`, { hint: misplacedHint });
  }

  #explained<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!this.database.isOpen) throw this.#failed(doing, "it is closed", error);
      if (!isSqliteError(error)) throw error;
      throw this.#failed(doing, error.message, error);
    }
  }

  #failed(doing: string, reason: string, cause?: unknown): TagsealError {
    return sqliteFailure(this.#path, doing, reason, cause);
  }
}

const misplacedHint =
  "Put the data directory back in its place, or unmount what is mounted over it. To use another one, restart the server.";
