/** Reads files with limits, and writes them atomically. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError, systemCode } from "../errors.ts";
import { digestAlgorithm, digestHex } from "../reference/digest.ts";
import { type Descriptor, malformed } from "./manifest.ts";

/** The size of a regular file; undefined when there is none at that path. */
export async function plainFileSize(path: string): Promise<number | undefined> {
  const { stat } = await import("node:fs/promises");
  try {
    const found = await stat(path);
    // a pipe or device could block for ever
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error))) return undefined;
    throw unreadable(path, error);
  }
}

/**
 * Reads a whole file of at most `maxBytes`.
 *
 * @throws UsageError `FILE_UNREADABLE`; NetworkError `IMAGE_MALFORMED` when it is larger
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<Uint8Array> {
  const size = await plainFileSize(path);
  if (size === undefined) throw unreadable(path);
  if (size > maxBytes) throw malformed(`${path} has ${size} bytes, more than the ${maxBytes} allowed there`);
  return await readRange(path, 0, size);
}

/** Reads exactly `length` bytes from `offset`. @throws UsageError `FILE_UNREADABLE` */
export async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(length);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const { bytesRead } = await handle.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await handle?.close();
  }
}

/** Streams `length` bytes from `offset`. @throws UsageError `FILE_UNREADABLE` */
export async function* streamRange(path: string, offset: number, length: number): AsyncGenerator<Uint8Array, void> {
  if (length <= 0) return;
  try {
    const chunks: AsyncIterable<Buffer> = createReadStream(path, {
      start: offset,
      end: offset + length - 1,
      highWaterMark: 256 * 1024,
    });
    yield* chunks;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** True when a file has exactly a descriptor's bytes. */
export async function holdsContent(path: string, descriptor: Descriptor): Promise<boolean> {
  if ((await plainFileSize(path)) !== descriptor.size) return false;
  const hash = createHash(digestAlgorithm(descriptor.digest));
  for await (const chunk of streamRange(path, 0, descriptor.size)) hash.update(chunk);
  return hash.digest("hex") === digestHex(descriptor.digest);
}

/**
 * Writes a file through a temporary one beside it: readers see all of it or nothing, also after a crash.
 *
 * @throws UsageError `FILE_UNWRITABLE`; what `chunks` throws
 */
export async function writeWhole(
  path: string,
  chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[],
): Promise<void> {
  const temporary = join(dirname(path), `.tagseal-${randomUUID()}`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeTemporary(temporary, chunks);
    await rename(temporary, path);
  } catch (error) {
    await removeLeftover(temporary);
    throw systemCode(error).startsWith("E") ? unwritable(path, error) : error;
  }
}

/** Removes an incomplete file. A failure to remove it (or a missing file) adds nothing to the original failure. */
export async function removeLeftover(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

async function writeTemporary(path: string, chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[]): Promise<void> {
  const handle = await open(path, "wx", 0o644);
  try {
    await writeBatches(handle, chunks);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Bytes that are written at once: networks deliver a few kilobytes at a time, and each call of the system waits for a thread. */
const batchBytes = 512 * 1024;

/** Bytes that are brought to the disk at once while more arrive: what is left at the end is waited for. */
const syncedBytes = 16 * 1024 * 1024;

/** Writes one batch while the next is collected; both buffers are used again, so that memory does not grow with the file. */
async function writeBatches(
  handle: FileHandle,
  chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[],
): Promise<void> {
  let [batch, other] = [Buffer.allocUnsafeSlow(batchBytes), Buffer.allocUnsafeSlow(batchBytes)];
  let [bytes, unsynced] = [0, 0];
  let writing: Promise<void> = Promise.resolve();
  let syncing: Promise<void> | undefined;
  let lost: { readonly cause: unknown } | undefined;
  // The system tells each failure once: the sync of the whole file would know nothing of it.
  const sync = async (): Promise<void> => {
    await handle.datasync().catch((cause: unknown) => (lost = { cause }));
    syncing = undefined;
  };
  const flush = async (): Promise<void> => {
    await writing;
    if (unsynced >= syncedBytes && syncing === undefined) {
      unsynced = 0;
      syncing = sync();
    }
    writing = handle.writeFile(batch.subarray(0, bytes));
    // awaited before the next batch, and at the end
    writing.catch(() => undefined);
    unsynced += bytes;
    [batch, other, bytes] = [other, batch, 0];
  };
  try {
    for await (let chunk of chunks) {
      for (; chunk.length > 0; chunk = chunk.subarray(batchBytes)) {
        if (bytes + Math.min(chunk.length, batchBytes) > batchBytes) await flush();
        const taken = chunk.subarray(0, batchBytes);
        batch.set(taken, bytes);
        bytes += taken.length;
      }
    }
    await flush();
  } finally {
    // a file must not be closed under a write
    await syncing;
    await writing;
  }
  if (lost !== undefined) throw lost.cause;
}

/** The error for a user's file that cannot be read. */
export function unreadable(path: string, cause?: unknown): UsageError {
  const reason = systemCode(cause) === "EACCES" ? "permission denied" : "there is no such file";
  return new UsageError(
    "FILE_UNREADABLE",
    `cannot read ${path}: ${cause === undefined ? "there is no such file" : reason}`,
    { cause },
  );
}

/** The error for a user's path that cannot be written. */
export function unwritable(path: string, cause: unknown): UsageError {
  const reason = cause instanceof Error ? cause.message.replace(/,.*$/s, "") : "unknown reason";
  return new UsageError("FILE_UNWRITABLE", `cannot write ${path}: ${reason}`, { cause });
}
