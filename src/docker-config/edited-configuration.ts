/**
 * docker's `config.json`, changed in place: one member at a time, every other byte as it was. A link stays a link, the file is replaced as a whole, and
 * Tagseal's own processes take turns.
 */
import { accessSync, constants, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { JsonObject } from "../encoding/json.ts";
import { UsageError } from "../errors.ts";
import { withFileLock } from "../files/file-lock.ts";
import { makeDirectory } from "../files/make-directory.ts";
import { lstatIfThere, statIfThere } from "../files/stat-if-there.ts";
import { isErrno, isSystemError, systemReason } from "../files/system-error.ts";
import { writeAtomically } from "../files/write-atomically.ts";
import { dockerConfigPath, parsedConfiguration } from "./configuration-file.ts";
import { denied, maxSettingsBytes, readSettings, unreadable } from "./settings-file.ts";

/** What a change starts from. */
export interface ConfigurationText {
  /** a JSON object; `{}` for a file that is missing or empty */
  readonly text: string;
  readonly content: JsonObject;
}

/** The `config.json` of one directory, to be changed. */
export class EditedConfiguration {
  /** the file itself, where `config.json` is a link to it */
  readonly file: string;

  /** @param directory docker's configuration directory @throws UsageError `FILE_UNREADABLE` for a link that cannot be followed */
  constructor(directory: string) {
    this.file = fileBehind(dockerConfigPath(directory));
  }

  /** @throws UsageError `FILE_UNREADABLE` */
  read(): ConfigurationText {
    const text = readSettings(this.file) ?? "";
    return text.trim() === "" ? { text: "{}", content: {} } : { text, content: parsedConfiguration(this.file, text) };
  }

  /**
   * Checks that the file can be replaced, before anything is done that could not be remembered.
   *
   * @throws UsageError `FILE_UNWRITABLE`
   */
  requireWritable(): void {
    let directory = dirname(this.file);
    while (statIfThere(directory) === undefined && dirname(directory) !== directory) directory = dirname(directory);
    try {
      accessSync(directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  /**
   * Replaces the text by what `change` makes of it. Nothing is written when it stays the same.
   *
   * @param change gets the file as it is at that moment, whatever was read before
   * @returns whether the file was written
   * @throws UsageError `FILE_UNREADABLE`, `FILE_UNWRITABLE`; TagsealError `CANCELLED`
   */
  async change(change: (now: ConfigurationText) => string, signal?: AbortSignal): Promise<boolean> {
    if (change(this.read()) === this.read().text) return false;
    this.requireWritable();
    return await withFileLock(`${this.file}.lock`, async () => await this.#replace(change), signal ? { signal } : {});
  }

  async #replace(change: (now: ConfigurationText) => string): Promise<boolean> {
    const now = this.read();
    const text = change(now);
    if (text === now.text) return false;
    if (Buffer.byteLength(text) > maxSettingsBytes)
      throw unreadable(this.file, `${this.file} would be larger than ${maxSettingsBytes} bytes`);
    parsedConfiguration(this.file, text);
    try {
      makeDirectory(dirname(this.file));
      await writeAtomically(this.file, text, { surviveCrash: true, owner: statIfThere(this.file) });
    } catch (error) {
      throw this.#unwritable(error);
    }
    return true;
  }

  #unwritable(cause: unknown): unknown {
    if (!isSystemError(cause)) return cause;
    return new UsageError("FILE_UNWRITABLE", `cannot write ${this.file}: ${systemReason(cause)}`, {
      cause,
      hint: `Make ${dirname(this.file)} writable, or set DOCKER_CONFIG to a directory that is.`,
    });
  }
}

/** Where a link leads, also when nothing is there yet. */
function fileBehind(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw denied(path, error);
  }
  const isLink = lstatIfThere(path)?.isSymbolicLink() === true;
  return isLink ? fileBehind(resolve(dirname(path), readlinkSync(path))) : path;
}
