import { sha256Hex } from "../crypto/digest.ts";
import { readPrivateFile } from "../files/read-private-file.ts";
import { isSystemError } from "../files/system-error.ts";
import { writeAtomically } from "../files/write-atomically.ts";

/** Refreshing the record more often than this would cost every verification a write and tell nobody anything. */
const granularityMs = 10_000;
/** A record is one line. */
const maxRecordBytes = 1_024;

/**
 * Remembers when the server last confirmed a file, so that `--max-staleness` can tell how long it has been silent. The record names the
 * bytes it is about: a copied or restored directory, with its fresh file times, must not pass for a recent answer.
 */
export class ConfirmationRecord {
  readonly #path: string;
  readonly #now: () => Date;

  /** @param path a file of its own, beside the metadata */
  constructor(path: string, now: () => Date) {
    this.#path = path;
    this.#now = now;
  }

  /** When these bytes were last confirmed; undefined when that is not on record. */
  confirmedAt(bytes: Uint8Array): Date | undefined {
    const [instant, sha256] = this.#read().split(" ");
    const at = new Date(instant ?? "");
    return sha256 === sha256Hex(bytes) && !Number.isNaN(at.getTime()) ? at : undefined;
  }

  /** Notes that the server has exactly these bytes now. Failing to leaves an older, more cautious record. */
  async confirm(bytes: Uint8Array): Promise<void> {
    const last = this.confirmedAt(bytes);
    const ageMs = last === undefined ? Infinity : this.#now().getTime() - last.getTime();
    if (ageMs >= 0 && ageMs < granularityMs) return;
    try {
      await writeAtomically(this.#path, `${this.#now().toISOString()} ${sha256Hex(bytes)}\n`);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  /** Something else in its place, a link for one, is no record. */
  #read(): string {
    try {
      const found = readPrivateFile(this.#path, maxRecordBytes);
      return found.kind === "file" ? found.bytes.toString("latin1").trim() : "";
    } catch (error) {
      if (isSystemError(error)) return "";
      throw error;
    }
  }
}
