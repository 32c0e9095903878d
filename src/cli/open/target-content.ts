/** Reads and writes the content of signed files, within bounds. */
import { createReadStream, type ReadStream } from "node:fs";
import { gather } from "../../encoding/gathered-bytes.ts";
import { cancelled, UsageError } from "../../errors.ts";
import { isSystemError, systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";

/** Content is held in memory until it is known to be right. */
export const maxContentBytes = 1024 * 1024 * 1024;

/** What bounds the reading of a file. */
export interface ContentBounds {
  readonly maxBytes: number;
  /** made as soon as one byte more arrives */
  readonly tooLarge: () => Error;
  readonly signal: AbortSignal;
}

/**
 * Reads a whole file.
 *
 * @param path undefined or `-`: standard input
 * @throws UsageError `FILE_UNREADABLE`; TagsealError `CANCELLED`; what `tooLarge` makes
 */
export async function readContent(path: string | undefined, bounds: ContentBounds): Promise<Uint8Array> {
  try {
    return await gather(contentStream(path, bounds.signal), bounds.maxBytes, bounds.tooLarge);
  } catch (error) {
    if (bounds.signal.aborted) throw cancelled(bounds.signal);
    if (!isSystemError(error)) throw error;
    throw new UsageError("FILE_UNREADABLE", `cannot read ${path ?? "standard input"}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

function contentStream(path: string | undefined, signal: AbortSignal): ReadStream {
  if (path !== undefined && path !== "-") return createReadStream(path, { signal });
  return createReadStream("", { fd: 0, autoClose: false, signal });
}

/**
 * Writes a file as a whole or not at all.
 *
 * @throws UsageError `FILE_UNWRITABLE`
 */
export async function writeContent(path: string, content: Uint8Array): Promise<void> {
  try {
    await writeAtomically(path, content);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError("FILE_UNWRITABLE", `cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}
