import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { platform } from "node:os";
import { dirname } from "node:path";
import { KeyStoreError } from "../errors.ts";

/**
 * Writes a private file so that a reader, or a crash at any moment, finds the old content or the new, never a part: to a
 * temporary file beside it, flushed to disk, renamed over it, and the directory flushed too. Mode 0600.
 *
 * @param path in an existing directory
 * @throws KeyStoreError `FILE_UNWRITABLE`
 */
export async function writeAtomically(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  try {
    await writeNew(temporary, content);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new KeyStoreError("FILE_UNWRITABLE", `Cannot write key file ${path}`, { cause });
  }
}

async function writeNew(path: string, content: string): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(content, "utf8");
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename or removal in a directory survive a crash. Windows has no such call and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (platform() === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
