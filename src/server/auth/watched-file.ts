/** A configuration file that may change while the server runs. */

import { readFile, stat } from "node:fs/promises";
import { TagsealError } from "../../errors.ts";
import { errorFields, type ServerLog } from "../server-log.ts";

/** What a watched file works with. */
export interface WatchParts {
  readonly now: () => Date;
  readonly log: ServerLog;
}

/** a change is noticed by the first request after this */
const checkIntervalMs = 2000;
/** password files and certificate bundles are far smaller */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * Holds what a file said when it last made sense. The file is looked at again when a request needs it, every two seconds at
 * most. While it is missing or does not make sense, what was valid before stays valid and the log says so: a slip of the
 * operator's neither lets anybody in nor locks everybody out.
 */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (bytes: Buffer) => T;
  readonly #parts: WatchParts;
  readonly #onChange: (value: T) => void;
  #value: T;
  #stamp: string;
  #checkedAtMs: number;
  #checking: Promise<void> | undefined;

  private constructor(
    path: string,
    parse: (bytes: Buffer) => T,
    parts: WatchParts & { readonly onChange?: (value: T) => void },
    first: Reading<T>,
  ) {
    this.#path = path;
    this.#parse = parse;
    this.#parts = parts;
    this.#onChange = parts.onChange ?? (() => {});
    this.#value = first.value;
    this.#stamp = first.stamp;
    this.#checkedAtMs = parts.now().getTime();
  }

  /**
   * Reads a file for the first time.
   *
   * @param parse throws TagsealError when the content makes no sense
   * @param parts.onChange called with each new value but the first
   * @throws TagsealError `SERVER_CONFIGURATION`
   */
  static async open<T>(
    path: string,
    parse: (bytes: Buffer) => T,
    parts: WatchParts & { readonly onChange?: (value: T) => void },
  ): Promise<WatchedFile<T>> {
    return new WatchedFile(path, parse, parts, await readWhole(path, parse));
  }

  /** What the file says, as far as it makes sense. */
  async value(): Promise<T> {
    const nowMs = this.#parts.now().getTime();
    // Both ways: a clock that was set back must not put the next look off.
    if (this.#checking === undefined && Math.abs(nowMs - this.#checkedAtMs) >= checkIntervalMs) {
      this.#checkedAtMs = nowMs;
      this.#checking = this.#check().finally(() => (this.#checking = undefined));
    }
    await this.#checking;
    return this.#value;
  }

  /** Reads the file now. @throws TagsealError `SERVER_CONFIGURATION`; what was valid before stays valid */
  async reload(): Promise<void> {
    this.#take(await readWhole(this.#path, this.#parse));
  }

  async #check(): Promise<void> {
    const stamp = await stampOf(this.#path);
    if (stamp === this.#stamp) return;
    try {
      this.#take(await readWhole(this.#path, this.#parse));
    } catch (error) {
      // Said once for each state of the file, not every two seconds.
      this.#stamp = stamp;
      this.#parts.log.write("error", "kept the old state of a file", { file: this.#path, ...errorFields(error) });
    }
  }

  #take({ value, stamp }: Reading<T>): void {
    this.#value = value;
    this.#stamp = stamp;
    this.#onChange(value);
    this.#parts.log.write("info", "read a changed file", { file: this.#path });
  }
}

interface Reading<T> {
  readonly value: T;
  readonly stamp: string;
}

async function readWhole<T>(path: string, parse: (bytes: Buffer) => T): Promise<Reading<T>> {
  try {
    // Taken first: what is written in between shows as a change the next time.
    const { size, stamp } = await look(path);
    if (size > maxFileBytes) throw new TagsealError("TOO_LARGE", `it has ${size} bytes, more than ${maxFileBytes}`);
    return { stamp, value: parse(await readFile(path)) };
  } catch (cause) {
    const reason = cause instanceof TagsealError ? `: ${cause.message}` : "";
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${path}${reason}`, { cause });
  }
}

/** `stamp` differs once the file was written or replaced. */
async function look(path: string): Promise<{ size: bigint; stamp: string }> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { size, stamp: [ino, size, mtimeNs, ctimeNs].join(" ") };
}

/** Of a file that cannot be looked at: the reason. */
async function stampOf(path: string): Promise<string> {
  try {
    return (await look(path)).stamp;
  } catch (error) {
    return String(error);
  }
}
