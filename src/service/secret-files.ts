/** The permissions of files with secrets: the client's rule for its keys, reported in the log. */

import { statSync } from "node:fs";
import { isLoose, type Permissions, refuseWorldWritable } from "../files/private-modes.ts";
import type { ServerLog } from "./log.ts";

/**
 * Checks the permissions of a file with a secret.
 *
 * @throws KeyStoreError `KEY_FILE_UNSAFE` when every user may write to it
 */
export function checkSecret(path: string, permissions: Permissions, log: Pick<ServerLog, "write"> | undefined): void {
  refuseWorldWritable(path, permissions);
  if (isLoose(permissions))
    log?.write("warning", "others may read a secret", { file: path, hint: `Keep others out: chmod go-rwx ${path}` });
}

/** Checks the permissions of files with secrets that exist. @throws KeyStoreError `KEY_FILE_UNSAFE` */
export function checkSecrets(paths: readonly string[], log: Pick<ServerLog, "write">): void {
  for (const path of paths) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true) checkSecret(path, found, log);
  }
}
