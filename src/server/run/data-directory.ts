/** The directory that a server or signer keeps its databases in, and the permissions it must have. */

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import { isLoose, isOurs, refuseWorldWritable } from "../../files/private-modes.ts";
import type { ServerLog } from "../../service/log.ts";

/** What a data directory may hold. */
const dataFiles = ["metadata.db", "signer.db"];

/**
 * Creates a data directory, for its owner only, unless it exists. One that every user may write to is refused; for one made by the platform (a volume
 * with another owner), which this account cannot change, there is a warning.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 * @throws KeyStoreError `KEY_FILE_UNSAFE`
 */
export function makeDataDirectory(path: string, log?: Pick<ServerLog, "write">): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    judgeDirectory(path, log);
  } catch (cause) {
    if (cause instanceof KeyStoreError) throw cause;
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${path} as the data directory`, { cause });
  }
}

function judgeDirectory(path: string, log: Pick<ServerLog, "write"> | undefined): void {
  const found = statSync(path);
  if (isOurs(found)) refuseWorldWritable(path, found);
  if (isLoose(found))
    log?.write("warning", "others may look into the data directory", {
      directory: path,
      hint: `Keep others out: chmod go-rwx ${path}`,
    });
  for (const name of dataFiles) {
    const file = statSync(join(path, name), { throwIfNoEntry: false });
    if (file !== undefined) refuseWorldWritable(join(path, name), file);
  }
}
