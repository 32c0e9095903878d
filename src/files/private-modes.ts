/** The one rule for the permissions of private files (I6): a file that all users may write is refused, one that others may read causes a warning. */
import { type Stats, statSync } from "node:fs";
import { platform, userInfo } from "node:os";
import { KeyStoreError } from "../errors.ts";

/** The input of the rule, as `stat` returns it. */
export type Permissions = Pick<Stats, "mode" | "uid">;

/** Windows has no such permissions; there those of the profile directory protect the files. */
export const hasModes = platform() !== "win32";

/**
 * Refuses files and directories that all users may write to: any of them may have replaced the content.
 *
 * @param mode permission bits as `stat` gives them
 * @throws KeyStoreError `KEY_FILE_UNSAFE`
 */
export function refuseWorldWritable(path: string, { mode }: Pick<Permissions, "mode">): void {
  if (!hasModes || (mode & 0o002) === 0) return;
  throw new KeyStoreError("KEY_FILE_UNSAFE", `Refusing to use ${path}: all users may write to it`, {
    hint: `Check that its content is yours, then run: chmod go-rwx ${path}`,
  });
}

/**
 * True when other users may read or change a private file. Group permissions count only in files of this account: another account can share its
 * file with this one only through a group.
 */
export function isLoose(permissions: Permissions): boolean {
  if (!hasModes) return false;
  return (permissions.mode & (isOurs(permissions) ? 0o077 : 0o007)) !== 0;
}

/** True when this process runs as the owner, and so may change permissions; true, too, where that cannot be known. */
export function isOurs({ uid }: Pick<Permissions, "uid">): boolean {
  const own = ownUid();
  return own === undefined || own === uid;
}

/** Containers run under numeric IDs without an account. */
function ownUid(): number | undefined {
  try {
    return userInfo().uid;
  } catch {
    // Linux also shows the owner of a process here; elsewhere every user has an account.
    return statSync("/proc/self", { throwIfNoEntry: false })?.uid;
  }
}
