/** A blob that arrives from a registry into a file. Several clients can read it meanwhile; none gets its end before it is verified. */
import type { FileHandle } from "node:fs/promises";
import { filePieces, pieceBuffer } from "./file-pieces.ts";

/** Written at once, so that the many small pieces of a TLS connection do not become as many writes. */
const writeBytes = 256 * 1024;

/** Bytes in order; ends normally only when they are verified. */
export type VerifiedSource = () => AsyncIterable<Uint8Array>;

/** Why a blob that was asked for did not arrive whole. */
export class EveryReaderHasGone extends Error {}

/** See the top of this file. */
export class ArrivingBlob {
  readonly #file: FileHandle;
  readonly #bytes: number;
  readonly #waiting = new Set<() => void>();
  #written = 0;
  #readers = 0;
  #end: { readonly error?: unknown } | undefined;

  /** @param bytes how many will arrive */
  constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /**
   * Writes everything that a source gives. Stops when the last reader has gone: a client that asks and leaves must not fill the disk.
   *
   * @throws what readers get, too: what the source throws, or the disk's own error
   */
  async fill(source: VerifiedSource): Promise<void> {
    try {
      await this.#write(source);
      this.#finish({});
    } catch (error) {
      this.#finish({ error });
      throw error;
    }
  }

  /**
   * The blob's bytes in order, as they arrive; a piece is overwritten when the next is asked for.
   *
   * @throws what the source or the disk threw, after everything that was written
   */
  async *read(): AsyncGenerator<Uint8Array, void> {
    this.#readers += 1;
    const buffer = pieceBuffer(this.#bytes);
    try {
      for (let at = 0; ;) {
        for await (const piece of filePieces(this.#file, at, this.#written, buffer)) {
          at += piece.length;
          yield piece;
        }
        if (at < this.#written) continue;
        if (this.#end === undefined) await this.#more();
        else if (this.#end.error === undefined) return;
        else throw this.#end.error;
      }
    } finally {
      this.#readers -= 1;
      this.#wake();
    }
  }

  /** Puts on the disk what was written. */
  async flush(): Promise<void> {
    await this.#file.datasync();
  }

  /** Closes the file when every reader has gone. */
  async close(): Promise<void> {
    while (this.#readers > 0) await this.#more();
    await this.#file.close();
  }

  async #write(source: VerifiedSource): Promise<void> {
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      const { bytesWritten } = bytes > 0 ? await this.#file.writev(pieces, this.#written) : { bytesWritten: 0 };
      // A disk that is full may take a part without an error.
      if (bytesWritten < bytes) throw Object.assign(new Error("the disk took a part only"), { code: "ENOSPC" });
      this.#written += bytes;
      [pieces, bytes] = [[], 0];
      this.#wake();
    };
    for await (const piece of source()) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes < writeBytes) continue;
      await flush();
      if (this.#readers === 0) throw new EveryReaderHasGone();
    }
    await flush();
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await promise;
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
