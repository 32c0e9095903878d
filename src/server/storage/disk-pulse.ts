/**
 * Checks whether the disk below a file answers. A write to a hanging disk blocks its thread in the kernel, which must not be the thread that serves
 * requests, so another thread writes a byte first.
 */

import { close, fdatasync, open, unlink, write } from "node:fs";
import { promisify } from "node:util";
import { answeredWithin } from "../../service/answered-within.ts";

/** How long an answer of the disk counts. */
const validForMs = 10;
const patienceMs = 2000;

/** Probes one disk from another thread. */
export class DiskPulse {
  readonly #path: string;
  #file: number | undefined;
  #beatAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;
  #startedAt = 0;
  #isClosed = false;
  #mustRenew = false;
  #refusal: Error | undefined;

  /** @param path of a probe file beside the file in question; it exists for a moment only */
  constructor(path: string) {
    this.#path = path;
  }

  /** True when the disk answered, with success or an error: a full or read-only disk shows in the write itself. */
  async beats(): Promise<boolean> {
    if (performance.now() - this.#beatAt < validForMs) return true;
    // Any number of callers share one thread of the small pool that waits for the disk.
    if (this.#underWay === undefined) {
      this.#startedAt = performance.now();
      this.#underWay = this.#beat().finally(() => (this.#underWay = undefined));
    }
    const leftMs = this.#startedAt + patienceMs - performance.now();
    if (leftMs <= 0) return false;
    try {
      await answeredWithin(this.#underWay, leftMs, () => new Error("no answer"));
      return true;
    } catch {
      return false; // a timeout; any other failure is an answer
    }
  }

  /** Has the next beat make its file again: a directory may take no new ones while those that are open can be written. */
  renew(): void {
    this.#mustRenew = true;
    this.#beatAt = Number.NEGATIVE_INFINITY;
  }

  /** Why the last file could not be made; undefined when it could. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#underWay === undefined) this.#letGo();
  }

  async #beat(): Promise<void> {
    try {
      if (this.#mustRenew || this.#file === undefined) await this.#renew();
      const file = this.#file;
      if (file !== undefined) await promisify(write)(file, beat, 0, beat.length, 0);
      if (file !== undefined) await promisify(fdatasync)(file);
    } catch {
      // An error is an answer, too.
    }
    this.#beatAt = performance.now();
    if (this.#isClosed) this.#letGo();
  }

  /** Removes the old file only when the new one exists: a disk without free inodes would not give its inode back. */
  async #renew(): Promise<void> {
    this.#mustRenew = false;
    try {
      const file = await promisify(open)(this.#path, "w", 0o600);
      this.#letGo();
      this.#file = file;
      await promisify(unlink)(this.#path);
      this.#refusal = undefined;
    } catch (error) {
      this.#refusal = error instanceof Error ? error : new Error(String(error));
    }
  }

  #letGo(): void {
    if (this.#file !== undefined) close(this.#file);
    this.#file = undefined;
  }
}

const beat = Buffer.from("beat");
