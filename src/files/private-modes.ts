/** The one rule for the permissions of what must stay private (I6): what all users may write is refused, what others may read is warned about. */
import { type Stats, statSync } from "node:fs";
import { platform, userInfo } from "node:os";
import { KeyStoreError } from "../errors.ts";

/** What the rule looks at, as `stat` gives it. */
export type Permissions = Pick<Stats, "mode" | "uid">;

/** Windows keeps no such permissions; there the profile directory's own protect the files. */
export const hasModes = platform() !== "win32";

/**
 * Refuses files and directories that all users may write to: anybody may have put something else there.
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
 * True when others may read something private, or change it. A group counts where the file is ours: what another account owns can only be handed to
 * us through one.
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

/** Containers run under numbers that no account has. */
function ownUid(): number | undefined {
  try {
    return userInfo().uid;
  } catch {
    // Whose process it is shows on Linux in another place, too; elsewhere every user has an account.
    return statSync("/proc/self", { throwIfNoEntry: false })?.uid;
  }
}
