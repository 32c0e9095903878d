/** Reads request bodies into memory: bounded for each request and for all together. */

import type { IncomingMessage } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { tooLarge } from "./multipart-reader.ts";
import { WireError } from "./wire-error.ts";

/** Bytes. */
const severalMilliseconds = 1_048_576;

/** Bounds the memory of all uploads under way. */
export class UploadBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** bytes of the uploads under way */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Reads a body, then runs `work` on it; the memory counts as used until `work` has ended.
   *
   * @throws WireError `MALFORMED_UPLOAD`: status 413 beyond `maxBytes`, 400 for a body that ends early; `UPDATING` with
   * status 503 while other uploads fill the budget
   */
  async withBody<T>(request: IncomingMessage, maxBytes: number, work: (body: Buffer) => Promise<T>): Promise<T> {
    const taken = { bytes: 0 };
    try {
      return await work(await this.#read(request, maxBytes, taken));
    } finally {
      this.#usedBytes -= taken.bytes;
    }
  }

  /** Runs `work` while as many more bytes count as used. @throws WireError `UPDATING` with 503 while other uploads fill the budget */
  async withBytes<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    this.#usedBytes += bytes;
    try {
      if (this.#usedBytes > this.#maxBytes) throw busy();
      return await work();
    } finally {
      this.#usedBytes -= bytes;
    }
  }

  async #read(request: IncomingMessage, maxBytes: number, taken: { bytes: number }): Promise<Buffer> {
    const reason = `at most ${maxBytes} bytes are accepted`;
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(reason);
    const chunks: Buffer[] = [];
    try {
      // The end of the loop must not destroy the request: the refusal still has to be sent over its socket.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        taken.bytes += chunk.length;
        this.#usedBytes += chunk.length;
        if (taken.bytes > maxBytes) throw tooLarge(reason);
        if (this.#usedBytes > this.#maxBytes) throw busy();
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof WireError) throw error;
      throw new WireError("MALFORMED_UPLOAD", { detail: "the body ended early", cause: error });
    }
    const body = Buffer.concat(chunks, taken.bytes);
    // Gathering megabytes, and what is done with them next, take some milliseconds each: other requests run in between.
    if (body.length > severalMilliseconds) await nextTurn();
    return body;
  }
}

function busy(): WireError {
  const detail = "too many uploads at once, try again";
  return new WireError("UPDATING", { status: 503, detail, headers: { "Retry-After": "1" } });
}
