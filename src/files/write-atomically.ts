import { randomBytes } from "node:crypto";
import { chmod, chown, link, open, rename, rm, stat } from "node:fs/promises";
import { platform } from "node:os";
import { dirname, join } from "node:path";
import { lstatIfThere } from "./stat-if-there.ts";
import { errorsWithoutLinks, isErrno } from "./system-error.ts";

/** Which crashes a write must survive. */
export interface WriteOptions {
  /** also flush the directory, so that the new file is there after a crash of the machine; without it either file may be */
  readonly surviveCrash?: boolean;
  /** refuses with `EEXIST` when there is something at the path; otherwise it is replaced */
  readonly onlyNew?: boolean;
  /** other accounts of the machine may read it: mode 0644 */
  readonly isPublic?: boolean;
  /** whose the file is to be, where that is another account than ours and we may give it away */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Writes a private file so that a reader, or a crash at any moment, finds the old content or the new, never a part: to a temporary file
 * beside it, flushed to disk and renamed over it. A link or a pipe in its place is replaced, never written to. Mode 0600 unless it is public. Nothing is left
 * behind when it fails.
 *
 * @param path in an existing directory
 * @throws the system's own error
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const temporary = besideIt(path);
  try {
    await writeNew(temporary, content);
    if (options.isPublic === true) await chmod(temporary, 0o644);
    if (options.owner !== undefined) await giveTo(temporary, options.owner);
    await (options.onlyNew === true ? moveToFree(temporary, path) : rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.surviveCrash === true) await syncDirectory(dirname(path));
}

/** A link to a path that is taken fails, where a rename replaces. */
async function moveToFree(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
    await rm(temporary);
  } catch (error) {
    if (!isErrno(error, ...errorsWithoutLinks)) throw error;
    if (lstatIfThere(path) !== undefined) throw Object.assign(new Error(`${path} exists`), { code: "EEXIST" });
    await rename(temporary, path);
  }
}

/** Only root may give a file away; all others keep it, as they do with a file that they make. */
async function giveTo(path: string, { uid, gid }: NonNullable<WriteOptions["owner"]>): Promise<void> {
  const own = await stat(path);
  if (own.uid === uid && own.gid === gid) return;
  await chown(path, uid, gid).catch((error: unknown) => {
    if (!isErrno(error, "EPERM")) throw error;
  });
}

/** A random name in the directory of `path`. Not that name with a suffix: a long name would then exceed the limit for file names. */
export function besideIt(path: string): string {
  return join(dirname(path), `.${randomBytes(8).toString("hex")}.tmp`);
}

/**
 * Writes a file that must not be there yet. Mode 0600.
 *
 * @throws the system's own error; a part of the file may then be there
 */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(content);
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
