/**
 * Writes to standard output and standard error. To the descriptors themselves: to open a stream for one takes longer than the rest of a short command.
 * Old runtimes must be able to parse this file, as bin.ts says.
 */
import { writeSync } from "node:fs";

/** The pause before a full pipe is tried again, in milliseconds. */
const retryAfterMs = 2;

/** Writes everything, and waits for a slow reader, as other programs do. A result that cannot be written ends the process. */
export function writeAll(descriptor: 1 | 2, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "EAGAIN") return failedToWrite(descriptor, code);
      // another process made the pipe non-blocking for all processes that share it
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryAfterMs);
    }
  }
}

/** 128 and the number of SIGPIPE, which ends docker, notary and most programs at this point. */
const readerIsGone = 141;

/**
 * A result that cannot be written ends the command, and never with 0: whether all images are verified is not known yet. Warnings must not stop the
 * work.
 */
function failedToWrite(descriptor: 1 | 2, code: unknown): void {
  if (descriptor === 1) process.exit(code === "EPIPE" ? readerIsGone : 1);
}
