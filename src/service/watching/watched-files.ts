/** Configuration files that may change while the process runs, and their last valid content. The one home for watching. */

import { readFile, stat } from "node:fs/promises";
import { hasCode, TagsealError } from "../../errors.ts";
import { type Permissions, refuseWorldWritable } from "../../files/private-modes.ts";
import { checkSecret } from "../secret-files.ts";
import { errorFields, ServerLog } from "../log.ts";
import type { Validity } from "./certificate-validity.ts";

/** Where watched files are entered, to be checked regularly and reported: `file-watch.ts`. */
export interface FileRegister {
  add(files: Pick<WatchedFiles<unknown>, "part" | "look" | "reload" | "failure" | "validity">): void;
}

/** What watched files need. */
export interface WatchParts {
  readonly now: () => Date;
  readonly log: ServerLog;
  /** checks the files regularly and reports their faults; without it they are checked when their value is read */
  readonly watch?: FileRegister | undefined;
}

const wallClock = (): Date => new Date();

/** For a process that reads files once, or whenever it needs them: problems are reported as errors only. */
export function unattended(): WatchParts {
  return { now: wallClock, log: new ServerLog({ sink: () => {}, level: "error", now: wallClock }) };
}

/** The bytes of one of the files that were read. */
export type ContentOf = (path: string) => Buffer;

/** Files that belong together, such as a certificate and its key. */
export interface FilesToWatch<T> {
  /** names them in faults and metrics; the same from release to release */
  readonly part: string;
  readonly files: readonly string[];
  /** those that only the owner may read */
  readonly secrets?: readonly string[] | undefined;
  /**
   * Makes a value from the content of the files.
   *
   * @throws TagsealError when the content is invalid
   */
  readonly parse: (contentOf: ContentOf) => T;
  /** how long the certificates among them are valid; absent without certificates */
  readonly validity?: ((contentOf: ContentOf) => Validity | undefined) | undefined;
  /**
   * The files identify this process: a certificate that is not valid now does not replace a valid one. Not for authorities, where a change may be
   * meant to lock clients out.
   */
  readonly areOwn?: true;
  /** called with each new value except the first, and the previous one. An exception counts as invalid content */
  readonly onChange?: ((value: T, before: T) => void) | undefined;
}

/** What is wrong with files, and since when, in milliseconds of the monotonic clock. */
interface Failure {
  readonly error: unknown;
  readonly sinceMs: number;
  readonly isTold: boolean;
}

/** a change is noticed within this time */
const lookEveryMs = 2000;
/**
 * Files that belong together are rarely replaced at the same moment. While a certificate does not match its key, the key may not have arrived yet;
 * only a lasting mismatch is a fault.
 */
const settleMs = 10_000;
/** password files and certificate bundles are far smaller */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * Holds the last valid content of files that belong together. They are read by path, so a changed link or a file renamed over them counts. While one
 * is missing or they are invalid, the previous content stays in use, and log and faults report it: a mistake of the operator neither admits strangers
 * nor locks all users out.
 */
export class WatchedFiles<T> {
  readonly part: string;
  readonly #options: FilesToWatch<T>;
  readonly #parts: WatchParts;
  #last: Reading<T>;
  #lookedAtMs: number;
  #looking: Promise<void> | undefined;
  #failure: Failure | undefined;

  private constructor(options: FilesToWatch<T>, parts: WatchParts, first: Reading<T>) {
    this.part = options.part;
    this.#options = options;
    this.#parts = parts;
    this.#last = first;
    this.#lookedAtMs = parts.now().getTime();
  }

  /**
   * Reads files for the first time.
   *
   * @throws TagsealError `SERVER_CONFIGURATION`
   */
  static async open<T>(options: FilesToWatch<T>, parts: WatchParts): Promise<WatchedFiles<T>> {
    const files = new WatchedFiles(options, parts, await readAll(options, parts));
    parts.watch?.add(files);
    return files;
  }

  /** The last valid content, as of the last check. */
  get current(): T {
    return this.#last.value;
  }

  /** The last valid content, at most two seconds old. */
  async value(): Promise<T> {
    // Both directions: a clock that was set back must not delay the next check.
    if (Math.abs(this.#parts.now().getTime() - this.#lookedAtMs) >= lookEveryMs) await this.look();
    else await this.#looking;
    return this.current;
  }

  /** What has been wrong with the files for too long to be an exchange under way; undefined without a fault. */
  get failure(): unknown {
    return this.#failure?.isTold === true ? this.#failure.error : undefined;
  }

  /** How long the certificates in use are valid; undefined without certificates. */
  get validity(): Validity | undefined {
    return this.#last.validity;
  }

  /** Reads the files if they have changed. Never throws. */
  look(): Promise<void> {
    this.#lookedAtMs = this.#parts.now().getTime();
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  /** Reads the files now. @throws TagsealError `SERVER_CONFIGURATION`, `CERTIFICATE_INVALID`; the previous content stays in use */
  async reload(): Promise<void> {
    await this.#looking;
    this.#take(await readAll(this.#options, this.#parts, this.#last.contents));
  }

  async #look(): Promise<void> {
    if (this.#failure === undefined && (await stampOf(this.#options.files)) === this.#last.stamp) return;
    try {
      this.#take(await readAll(this.#options, this.#parts, this.#last.contents));
    } catch (error) {
      this.#note(error);
    }
  }

  #take(read: Reading<T>): void {
    const isNew = this.#options.files.some(
      (path) => this.#last.contents.get(path)?.equals(bytesOf(read, path)) !== true,
    );
    if (isNew) this.#refuseWorse(read);
    const before = this.#last;
    this.#last = isNew ? read : { ...before, stamp: read.stamp };
    if (isNew) this.#tell(before);
    this.#failure = undefined;
    if (isNew) this.#parts.log.write("info", "read a changed file", this.#names);
  }

  /** A certificate that is not valid now does not replace a valid one. After that one has expired, the newest counts. */
  #refuseWorse({ validity }: Reading<T>): void {
    const now = this.#parts.now();
    const kept = this.#last.validity;
    if (this.#options.areOwn !== true || validity === undefined || kept === undefined) return;
    if (!isGood(kept, now) || isGood(validity, now)) return;
    const reason =
      validity.notAfter <= now
        ? `the new certificate expired at ${validity.notAfter.toISOString()}`
        : `the new certificate is not valid before ${validity.notBefore.toISOString()}`;
    throw new TagsealError(
      "CERTIFICATE_INVALID",
      `${reason}: the one before is used on, until ${kept.notAfter.toISOString()}`,
      { hint: "Put a certificate there that is valid now." },
    );
  }

  #tell(before: Reading<T>): void {
    try {
      this.#options.onChange?.(this.current, before.value);
    } catch (error) {
      this.#last = before;
      throw unusable(this.#options.files, error);
    }
  }

  /** Logged once while it lasts, not every two seconds. */
  #note(error: unknown): void {
    const { sinceMs, isTold: wasTold } = this.#failure ?? { sinceMs: performance.now(), isTold: false };
    const isWhole = this.#options.files.length === 1 || hasCode(error, "CERTIFICATE_INVALID");
    const isTold = wasTold || isWhole || performance.now() - sinceMs >= settleMs;
    this.#failure = { error, sinceMs, isTold };
    if (wasTold || !isTold) return;
    this.#parts.log.write("error", "kept the old state of a file", { ...this.#names, ...errorFields(error) });
  }

  get #names(): { readonly file: string } {
    return { file: this.#options.files.join(", ") };
  }
}

function isGood({ notBefore, notAfter }: Validity, now: Date): boolean {
  return notBefore <= now && now < notAfter;
}

type Contents = ReadonlyMap<string, Buffer>;

interface Reading<T> {
  readonly value: T;
  readonly validity: Validity | undefined;
  readonly contents: Contents;
  readonly stamp: string;
}

async function readAll<T>(
  { files, secrets, parse, validity }: FilesToWatch<T>,
  { log }: WatchParts,
  known?: Contents,
): Promise<Reading<T>> {
  // Taken before reading: a write in between then shows as a change the next time.
  const stamp = await stampOf(files);
  const contents = new Map<string, Buffer>();
  for (const path of files)
    contents.set(path, await readWhole(path, secrets?.includes(path) === true ? log : undefined, known?.get(path)));
  const contentOf: ContentOf = (path) => bytesOf({ contents }, path);
  try {
    return { stamp, contents, value: parse(contentOf), validity: validity?.(contentOf) };
  } catch (cause) {
    throw unusable(files, cause);
  }
}

function judge(path: string, permissions: Permissions, secretsLog: ServerLog | undefined): void {
  if (secretsLog === undefined) refuseWorldWritable(path, permissions);
  else checkSecret(path, permissions, secretsLog);
}

function bytesOf({ contents }: Pick<Reading<unknown>, "contents">, path: string): Buffer {
  const bytes = contents.get(path);
  if (bytes === undefined) throw new TypeError(`${path} is not among the files that were read`);
  return bytes;
}

/** @param secretsLog receives a warning when other users may read it; absent for public files */
async function readWhole(path: string, secretsLog: ServerLog | undefined, known?: Buffer): Promise<Buffer> {
  try {
    const found = await stat(path);
    // Write access to it decides who is admitted, and what is trusted.
    if (found.isFile()) judge(path, found, secretsLog);
    const { size } = found;
    if (size > maxFileBytes) throw new TagsealError("TOO_LARGE", `it has ${size} bytes, more than ${maxFileBytes}`);
    // A pipe delivers only once: a second read would wait forever.
    if (known !== undefined && !found.isFile() && !found.isDirectory()) return known;
    return await readFile(path);
  } catch (cause) {
    if (hasCode(cause, "KEY_FILE_UNSAFE")) throw cause;
    throw unusable([path], cause);
  }
}

function unusable(files: readonly string[], cause: unknown): TagsealError {
  const reason = cause instanceof TagsealError ? `: ${cause.message}` : "";
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use ${files.join(" and ")}${reason}`, { cause });
}

/** Changes when one of the files is written, replaced or removed. */
async function stampOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(stampOfOne))).join("\n");
}

async function stampOfOne(path: string): Promise<string> {
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isFile()) return "no file";
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return String(error);
  }
}
