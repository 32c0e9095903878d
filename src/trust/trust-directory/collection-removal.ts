import { readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isErrno } from "../../files/system-error.ts";

/** What docker and notary keep beside each other for one collection. */
const shared: readonly string[] = ["metadata", "changelist"];

/** The directory of roots that were replaced, beside the metadata. */
export const pastRootsName = ".tagseal-roots";

/** Metadata that is being removed. */
const removed = ".tagseal-removed";

/**
 * Removes the directories and records of one collection, and the directories above it that are empty then. A collection below it, such as
 * `team/app` below `team`, stays.
 *
 * @param directory of the collection
 * @param top where all collections are; never removed
 * @throws the system's own error
 */
export async function removeCollection(directory: string, top: string): Promise<void> {
  await removePastRoots(directory);
  const names = await namesIn(directory);
  // At once: a part of the metadata would be damaged metadata to the next reader.
  if (names.includes("metadata")) {
    await rm(join(directory, removed), { recursive: true, force: true });
    await rename(join(directory, "metadata"), join(directory, removed));
  }
  await removeNames(directory, [...names, removed].filter(isOfCollection));
  for (let empty = directory; empty !== top && empty.startsWith(top); empty = dirname(empty))
    if (!(await isRemoved(empty))) return;
}

/**
 * Removes the roots that were replaced. Before anything else: beside another chain's root they would count as its past.
 *
 * @throws the system's own error
 */
export async function removePastRoots(directory: string): Promise<void> {
  await removeNames(directory, [pastRootsName]);
}

/**
 * Removes what {@link removeCollection} removes, except the root.
 *
 * @throws the system's own error
 */
export async function removeAllButRoot(directory: string): Promise<void> {
  const metadata = join(directory, "metadata");
  await removeNames(
    metadata,
    (await namesIn(metadata)).filter((name) => name !== "root.json"),
  );
  await removeNames(
    directory,
    (await namesIn(directory)).filter((name) => name !== "metadata" && isOfCollection(name)),
  );
}

function isOfCollection(name: string): boolean {
  return shared.includes(name) || name.startsWith(".tagseal-");
}

async function removeNames(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(directory, name), { recursive: true, force: true });
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

/** False for a directory that is not empty. */
async function isRemoved(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    if (isErrno(error, "ENOTEMPTY", "EEXIST")) return false;
    throw error;
  }
}
