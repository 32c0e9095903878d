/** The files of a key backup: the backup itself, the list beside it, identities, shares. */
import { createReadStream } from "node:fs";
import { gather } from "../../encoding/gathered-bytes.ts";
import { EncodingError, UsageError, hasCode } from "../../errors.ts";
import { lstatIfThere } from "../../files/stat-if-there.ts";
import { systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import { printable } from "../output/printable.ts";

/**
 * Reads a file that the user named, which may be a pipe: `<(age --decrypt identity.age)`.
 *
 * @throws UsageError `FILE_UNREADABLE`; EncodingError `TOO_LARGE`
 */
export async function readGivenFile(path: string, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): EncodingError => new EncodingError("TOO_LARGE", `${path} has more than ${maxBytes} bytes`);
  try {
    const chunks: AsyncIterable<Buffer> = createReadStream(path);
    return Buffer.from(await gather(chunks, maxBytes, tooLarge));
  } catch (cause) {
    if (hasCode(cause, "TOO_LARGE")) throw cause;
    throw new UsageError("FILE_UNREADABLE", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}

/**
 * Refuses paths that are taken, before a passphrase is asked for.
 *
 * @throws UsageError `FILE_UNWRITABLE`
 */
export function requireFree(paths: readonly string[], { force }: { readonly force: boolean }): void {
  const taken = force ? undefined : paths.find((path) => lstatIfThere(path) !== undefined);
  if (taken !== undefined) throw existing(taken);
}

/**
 * Writes a file for its owner alone, or one that all may read, whole or not at all, and on disk when this returns. Without `force` nothing is overwritten.
 *
 * @throws UsageError `FILE_UNWRITABLE`
 */
export async function placeFile(
  path: string,
  content: string | Uint8Array,
  { force, isPublic = false }: { readonly force: boolean; readonly isPublic?: boolean },
): Promise<void> {
  try {
    await writeAtomically(path, content, { surviveCrash: true, onlyNew: !force, isPublic });
  } catch (cause) {
    if (!force && lstatIfThere(path) !== undefined) throw existing(path, cause);
    throw new UsageError("FILE_UNWRITABLE", `Cannot write ${path}: ${systemReason(cause)}`, {
      cause,
      hint: "Name a file in a directory that exists and is writable.",
    });
  }
}

function existing(path: string, cause?: unknown): UsageError {
  return new UsageError("FILE_UNWRITABLE", `${printable(path)} exists, and is not overwritten`, {
    cause,
    hint: "Name another file, or add --force.",
  });
}
