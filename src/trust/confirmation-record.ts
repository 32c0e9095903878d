import { readFileSync, writeFileSync } from "node:fs";
import { sha256Hex } from "../crypto/digest.ts";

/** Refreshing the record more often than this would cost every verification a write and tell nobody anything. */
const granularityMs = 10_000;

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
  confirm(bytes: Uint8Array): void {
    const last = this.confirmedAt(bytes);
    const ageMs = last === undefined ? Infinity : this.#now().getTime() - last.getTime();
    if (ageMs >= 0 && ageMs < granularityMs) return;
    try {
      writeFileSync(this.#path, `${this.#now().toISOString()} ${sha256Hex(bytes)}\n`, { mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }

  #read(): string {
    try {
      return readFileSync(this.#path, "utf8").trim();
    } catch (error) {
      if (error instanceof Error && "code" in error) return "";
      throw error;
    }
  }
}
