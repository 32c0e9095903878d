/**
 * Older Notary clients kept keys in `root_keys/` and `tuf_keys/<gun>/` below the key directory, with the role in the
 * file name. Opening a store moves such keys to where current clients look, as in Notary v1.
 */
import { readdir, rm, rmdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { PemBlock } from "../encoding/pem.ts";
import { TagsealError } from "../errors.ts";
import { isErrno, isSystemError, systemReason } from "../files/system-error.ts";
import { syncDirectory } from "../files/write-atomically.ts";
import { unreadableDirectory } from "./key-directory.ts";
import { readKeyFile, writeKeyFile } from "./key-file.ts";
import { isKeyId } from "./key-store.ts";

const rootKeys = "root_keys";
const otherKeys = "tuf_keys";
const maxDepth = 16;

/**
 * Moves the keys of an older layout. Key bytes are not encrypted again; a key already in the current place is not
 * overwritten. Safe to run in several processes at once: each file is written whole before its old copy is removed.
 *
 * @param directory the key directory
 * @param onWarning called for files that could not be moved; they stay in place
 * @see Notary v1: older layouts
 */
export async function migrateOldLayout(directory: string, onWarning: (warning: string) => void): Promise<void> {
  const old = (await namesIn(directory)).filter((name) => name === rootKeys || name === otherKeys);
  for (const name of old) await migrateBelow(directory, name, "", onWarning);
  // Certificates cached by an even older client; nothing reads them, and Notary removes them too.
  if (old.length > 0) await removeIfAllowed(join(directory, "trusted_certificates"), onWarning);
}

async function migrateBelow(
  directory: string,
  top: string,
  below: string,
  onWarning: (warning: string) => void,
): Promise<void> {
  const current = join(directory, top, below);
  for (const entry of await entriesOf(current)) {
    const inner = join(below, entry.name);
    if (entry.isDirectory() && inner.split(sep).length < maxDepth) await migrateBelow(directory, top, inner, onWarning);
    else if (entry.isFile() && entry.name.endsWith(".key"))
      await tryMove(directory, join(current, entry.name), top, onWarning);
  }
  await removeIfEmpty(current);
}

async function removeIfAllowed(path: string, onWarning: (warning: string) => void): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    onWarning(`Could not remove ${path}: ${systemReason(error)}`);
  }
}

async function tryMove(
  directory: string,
  path: string,
  top: string,
  onWarning: (warning: string) => void,
): Promise<void> {
  try {
    await moveKey(directory, path, top, onWarning);
  } catch (error) {
    // One damaged old file must not block every other key; it stays so that its owner can inspect it.
    if (!(error instanceof TagsealError)) throw error;
    onWarning(`Key file ${path} of an older layout was left in place: ${error.message}`);
  }
}

async function moveKey(
  directory: string,
  path: string,
  top: string,
  onWarning: (warning: string) => void,
): Promise<void> {
  const file = await readKeyFile(path);
  if (file === undefined) return;
  const fromTop = relative(join(directory, top), path).split(sep);
  const [keyId, role] = splitName(fromTop.pop() ?? "");
  if (!isKeyId(keyId)) throw new TagsealError("KEY_MALFORMED", "its name does not start with a key ID");
  const headers = new Map(file.block.headers);
  if (role !== undefined) headers.set("role", role);
  if (fromTop.length > 0) headers.set("gun", fromTop.join("/"));
  await placeKey(join(directory, `${keyId}.key`), { ...file.block, headers });
  await removeIfAllowed(path, onWarning);
}

/** Splits `<id>_<role>.key` or `<id>.key`. */
function splitName(name: string): [keyId: string, role?: string] {
  const stem = name.slice(0, -".key".length);
  const underscore = stem.indexOf("_");
  return underscore < 0 ? [stem] : [stem.slice(0, underscore), stem.slice(underscore + 1)];
}

async function placeKey(path: string, block: PemBlock): Promise<void> {
  if ((await readKeyFile(path)) === undefined) await writeKeyFile(path, block);
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
    await syncDirectory(join(directory, ".."));
  } catch (error) {
    // Not empty: it contains something other than keys. Absent: another process was faster. Not permitted: the failed move
    // was reported already.
    if (!isErrno(error, "ENOTEMPTY", "EEXIST", "ENOENT", "EROFS", "EACCES", "EPERM")) throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return (await entriesOf(directory)).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw unreadableDirectory(directory, error);
  }
}
