/** Configuration files that may change while the process runs, and what they said when they last made sense. The one home for watching. */

import { readFile, stat } from "node:fs/promises";
import { hasCode, TagsealError } from "../../errors.ts";
import { type Permissions, refuseWorldWritable } from "../../files/private-modes.ts";
import { checkSecret } from "../secret-files.ts";
import { errorFields, ServerLog } from "../log.ts";
import type { Validity } from "./certificate-validity.ts";
import type { FileWatch } from "./file-watch.ts";

/** What watched files work with. */
export interface WatchParts {
  readonly now: () => Date;
  readonly log: ServerLog;
  /** looks at the files again and again, and says what is wrong with them; without it they are looked at when somebody asks for their value */
  readonly watch?: FileWatch | undefined;
}

const wallClock = (): Date => new Date();

/** For a process that reads files once, or whenever it needs what they say: nobody is told of anything but by errors. */
export function unattended(): WatchParts {
  return { now: wallClock, log: new ServerLog({ sink: () => {}, level: "error", now: wallClock }) };
}

/** The bytes of one of the files that were read. */
export type ContentOf = (path: string) => Buffer;

/** Files that mean something together, such as a certificate and its key. */
export interface FilesToWatch<T> {
  /** names them in faults and metrics; the same from release to release */
  readonly part: string;
  readonly files: readonly string[];
  /** those of them that nobody else may read */
  readonly secrets?: readonly string[] | undefined;
  /**
   * Makes a value of what the files hold.
   *
   * @throws TagsealError when the content makes no sense
   */
  readonly parse: (contentOf: ContentOf) => T;
  /** for how long the certificates among them are good; absent where there are none */
  readonly validity?: ((contentOf: ContentOf) => Validity | undefined) | undefined;
  /**
   * What they hold shows who this process is: a certificate that is not valid now does not replace one that is. Not for authorities, where an
   * exchange may be meant to lock somebody out.
   */
  readonly areOwn?: true;
  /** called with each new value but the first, and the one before. What it throws is taken for a content that makes no sense */
  readonly onChange?: ((value: T, before: T) => void) | undefined;
}

/** What is wrong with files, and since when, in milliseconds of a clock that nobody sets. */
interface Failure {
  readonly error: unknown;
  readonly sinceMs: number;
  readonly isTold: boolean;
}

/** a change is noticed this soon */
const lookEveryMs = 2000;
/**
 * Files that belong together are rarely exchanged in one stroke. A certificate that does not go with its key is one whose key has not arrived
 * yet, until it stays so.
 */
const settleMs = 10_000;
/** password files and certificate bundles are far smaller */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * Holds what files said when they last made sense together. They are looked at by path: what a link leads to, or what was renamed over them,
 * counts as theirs. While one is missing or they do not make sense, what was valid before stays valid, and log and faults say so: a slip of
 * the operator's neither lets anybody in nor locks everybody out.
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

  /** What the files said when they were last looked at, as far as it makes sense. */
  get current(): T {
    return this.#last.value;
  }

  /** What the files say, as far as it makes sense, as of two seconds ago at most. */
  async value(): Promise<T> {
    // Both ways: a clock that was set back must not put the next look off.
    if (Math.abs(this.#parts.now().getTime() - this.#lookedAtMs) >= lookEveryMs) await this.look();
    else await this.#looking;
    return this.current;
  }

  /** What has been wrong with the files for so long that it is no exchange under way; undefined while all is well. */
  get failure(): unknown {
    return this.#failure?.isTold === true ? this.#failure.error : undefined;
  }

  /** For how long the certificates that are used now are good; undefined where there are none. */
  get validity(): Validity | undefined {
    return this.#last.validity;
  }

  /** Looks whether the files have changed, and reads them if so. Never throws. */
  look(): Promise<void> {
    this.#lookedAtMs = this.#parts.now().getTime();
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  /** Reads the files now. @throws TagsealError `SERVER_CONFIGURATION`, `CERTIFICATE_INVALID`; what was valid before stays valid */
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

  /** A certificate that helps nobody now does not replace one that does. Once that has ended, too, the newest counts. */
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

  /** Said once for as long as it lasts, not every two seconds. */
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
  // Taken first: what is written in between shows as a change the next time.
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

/** @param secretsLog told when others may read it; absent for what anybody may read */
async function readWhole(path: string, secretsLog: ServerLog | undefined, known?: Buffer): Promise<Buffer> {
  try {
    const found = await stat(path);
    // Write access to it decides who is let in, and what is believed.
    if (found.isFile()) judge(path, found, secretsLog);
    const { size } = found;
    if (size > maxFileBytes) throw new TagsealError("TOO_LARGE", `it has ${size} bytes, more than ${maxFileBytes}`);
    // A pipe delivers once: waiting for more never ends.
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

/** Differs once one of the files was written, replaced or removed. */
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
