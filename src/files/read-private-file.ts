/**
 * Small files, read within a bound and without waiting for a pipe. Those that only this program writes, in directories that other programs
 * also write to, are read without following a link; those that users or other programs write may be links. The caller decides what a failure
 * means.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { lstatIfThere } from "./stat-if-there.ts";
import { isErrno } from "./system-error.ts";

/** What was found in the place of a file. */
export type FoundFile =
  | { readonly kind: "nothing" }
  | { readonly kind: "file"; readonly bytes: Buffer; readonly stats: Stats }
  /** a file with more bytes than allowed */
  | { readonly kind: "too large"; readonly size: number }
  /** `what` completes "found …": `a link`, `a directory`, `a pipe`, `a socket`, `a device` */
  | { readonly kind: "no file"; readonly what: string };

/**
 * Reads a regular file. A link as the last part of the path is not followed, and nothing makes it wait.
 *
 * Synchronous: a command reads a handful of small files, and each trip to the thread pool costs more than reading one of them.
 *
 * @param maxBytes no more than this is read
 * @throws the system's own error when the file is there and cannot be read
 */
export function readPrivateFile(path: string, maxBytes: number): FoundFile {
  return readWithin(path, maxBytes, constants.O_NOFOLLOW ?? 0);
}

/** {@link readPrivateFile} for a file that may be a link. A link that leads nowhere is nothing. */
export function readLinkedFile(path: string, maxBytes: number): FoundFile {
  return readWithin(path, maxBytes, 0);
}

function readWithin(path: string, maxBytes: number, flags: number): FoundFile {
  let file: number;
  try {
    // Not blocking: opening a pipe would wait until another process writes to it.
    file = openSync(path, constants.O_RDONLY | flags | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    return unopened(path, error);
  }
  try {
    return contentOf(file, maxBytes);
  } finally {
    closeSync(file);
  }
}

function unopened(path: string, error: unknown): FoundFile {
  if (isErrno(error, "ENOENT", "ENOTDIR")) return { kind: "nothing" };
  // A link (ELOOP, on some systems EMLINK), a socket or a device without a driver (ENXIO, EOPNOTSUPP).
  if (!isErrno(error, "ELOOP", "EMLINK", "ENXIO", "EOPNOTSUPP", "ENODEV")) throw error;
  const stats = lstatIfThere(path);
  if (stats === undefined) return { kind: "nothing" };
  // A file by now: it was a link a moment ago, or the link is further up.
  if (stats.isFile()) throw error;
  return { kind: "no file", what: nameOf(stats) };
}

function contentOf(file: number, maxBytes: number): FoundFile {
  const stats = fstatSync(file);
  if (!stats.isFile()) return { kind: "no file", what: nameOf(stats) };
  if (stats.size > maxBytes) return { kind: "too large", size: stats.size };
  // It may grow while it is read: one byte more than allowed is enough to notice.
  const buffer = Buffer.allocUnsafe(maxBytes > stats.size ? stats.size + 1 : maxBytes + 1);
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const count = readSync(file, buffer, 0, buffer.length, null);
    if (count === 0)
      return { kind: "file", bytes: parts.length === 1 ? (parts[0] ?? buffer) : Buffer.concat(parts), stats };
    length += count;
    if (length > maxBytes) return { kind: "too large", size: length };
    parts.push(Buffer.from(buffer.subarray(0, count)));
  }
}

/** The kind of a file that is not a regular one, for messages. */
export function nameOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return "a link";
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return stats.isFile() ? "a file" : "a device";
}
