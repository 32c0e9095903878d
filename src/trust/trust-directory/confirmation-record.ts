import { sha256Hex } from "../../crypto/sha256.ts";
import { readPrivateFile } from "../../files/read-private-file.ts";
import { isSystemError } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";

/** Refreshing the record more often than this costs every verification a write and gives no useful information. */
const granularityMs = 10_000;
/** A record is one line. */
const maxRecordBytes = 1_024;

/**
 * Records when the server first presented a file and when it last confirmed it: the minimum age of the file, and how long the server
 * has been silent. The record names the exact bytes: a copied or restored directory, with its fresh file times, must not count as a
 * recent answer.
 */
export class ConfirmationRecord {
  readonly #path: string;
  readonly #now: () => Date;

  /** @param path a separate file, beside the metadata */
  constructor(path: string, now: () => Date) {
    this.#path = path;
    this.#now = now;
  }

  /** When these bytes were last confirmed; undefined when it is not recorded. */
  confirmedAt(bytes: Uint8Array): Date | undefined {
    return this.#entry(bytes)?.confirmedAt;
  }

  /** When these bytes were first confirmed; undefined when it is not recorded. */
  firstSeenAt(bytes: Uint8Array): Date | undefined {
    return this.#entry(bytes)?.firstSeenAt;
  }

  /** Records that the server has exactly these bytes now. If that fails, an older, more cautious record stays. */
  async confirm(bytes: Uint8Array): Promise<void> {
    const now = this.#now();
    const last = this.#entry(bytes);
    const ageMs = last === undefined ? Infinity : now.getTime() - last.confirmedAt.getTime();
    if (ageMs >= 0 && ageMs < granularityMs) return;
    const firstSeenAt = last === undefined || last.firstSeenAt > now ? now : last.firstSeenAt;
    const line = `${now.toISOString()} ${sha256Hex(bytes)} ${firstSeenAt.toISOString()}\n`;
    try {
      await writeAtomically(this.#path, line);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  #entry(bytes: Uint8Array): { readonly confirmedAt: Date; readonly firstSeenAt: Date } | undefined {
    const [confirmed = "", sha256, firstSeen = confirmed] = this.#read().split(" ");
    const [confirmedAt, firstSeenAt] = [new Date(confirmed), new Date(firstSeen)];
    const isSound = !Number.isNaN(confirmedAt.getTime()) && !Number.isNaN(firstSeenAt.getTime());
    return isSound && sha256 === sha256Hex(bytes) ? { confirmedAt, firstSeenAt } : undefined;
  }

  /** Anything other than a file, such as a link, is no record. */
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
