/** Reads an open file in pieces, and compares it with a digest. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { digestAlgorithm, digestHex } from "../../reference/digest.ts";
import type { Descriptor } from "../../registry/manifest.ts";

/** Large enough that encryption is what costs time, small enough for a thousand clients at a time. */
const pieceBytes = 512 * 1024;

/**
 * The bytes from `from` up to `to`, without that one. A piece is overwritten when the next is asked for: a new buffer for each would keep the garbage
 * collector busy.
 *
 * @throws the system's own error, `EIO` also for a file that ends before
 */
export async function* filePieces(
  file: FileHandle,
  from: number,
  to: number,
  buffer = pieceBuffer(to - from),
): AsyncGenerator<Uint8Array, void> {
  for (let at = from; at < to;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (bytesRead === 0) throw shorterFile();
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What pieces of a file of at most so many bytes are read into. */
export function pieceBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.min(pieceBytes, bytes));
}

/** Whether a file is the blob, byte for byte. */
export async function isBlobFile(file: FileHandle, { digest, size }: Descriptor): Promise<boolean> {
  if ((await file.stat()).size !== size) return false;
  const hash = createHash(digestAlgorithm(digest));
  for await (const piece of filePieces(file, 0, size)) hash.update(piece);
  return hash.digest("hex") === digestHex(digest);
}

/** As the system says of a disk that does not give what it was given. */
function shorterFile(): Error {
  return Object.assign(new Error("a file of the blob cache is shorter than it was"), { code: "EIO" });
}
