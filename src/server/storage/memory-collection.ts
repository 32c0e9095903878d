/** One collection of a store in memory. */

import type { RoleName } from "../../tuf/metadata.ts";
import { publishConflict, restoreConflict } from "./metadata-store.ts";
import type { NamedVersion, NewFile, StoredFile } from "./stored-file.ts";

/** The kept files by role, the highest version of each last. */
export type Collection = Map<RoleName, StoredFile[]>;

/** The file with the highest version of a role. */
export function newest(collection: Collection | undefined, role: RoleName): StoredFile | undefined {
  return collection?.get(role)?.at(-1);
}

/** True when the collection has this file. @throws TagsealError `STORAGE_CONFLICT` when it has another one of this version */
export function isRestored(gun: string, collection: Collection, file: StoredFile): boolean {
  const here = collection.get(file.role)?.find(({ version }) => version === file.version);
  if (here !== undefined && here.sha256 !== file.sha256)
    throw restoreConflict(`${file.role} ${file.version} of ${gun}`);
  return here !== undefined;
}

/** Refuses a file that is not newer than those of its role. @throws TagsealError `STORAGE_CONFLICT` */
export function refuseOldVersion(gun: string, collection: Collection, file: NewFile): void {
  const stored = newest(collection, file.role)?.version ?? 0;
  if (file.version <= stored)
    throw publishConflict(gun, `${file.role} ${file.version} is not newer than the stored ${stored}`);
}

/** Adds a file, whose version is higher than those of its role unless the caller sorts them. */
export function keep(collection: Collection, file: StoredFile): void {
  const versions = collection.get(file.role);
  // A copy: the caller's buffer may be a view into something larger or be written to again.
  const kept = { ...file, bytes: Buffer.from(file.bytes) };
  if (versions === undefined) collection.set(file.role, [kept]);
  else versions.push(kept);
}

/** Removes a file, if the collection has exactly this one. @returns how many were removed */
export function forgetFile(collection: Collection, { role, version, sha256 }: NamedVersion): number {
  const kept = collection.get(role) ?? [];
  const left = kept.filter((file) => file.version !== version || file.sha256 !== sha256);
  if (left.length > 0) collection.set(role, left);
  else collection.delete(role);
  return kept.length - left.length;
}

/** Every file of every role. */
export function allFiles(collection: Collection): readonly StoredFile[] {
  return [...collection.values()].flat();
}
