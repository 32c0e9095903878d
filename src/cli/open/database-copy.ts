/** The shared part of the commands that copy embedded databases. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { writeJson } from "../output/write-json.ts";
import { printable } from "../output/printable.ts";
import { bytesText } from "../output/progress.ts";

/** What to copy, and how to report it. */
export interface DatabaseCopy {
  /** undefined when it was not given */
  readonly dataDir: string | undefined;
  readonly databases: readonly string[];
  readonly to: string | undefined;
  /** subject and verb of the sentence about what is not in the copy */
  readonly elsewhere: string;
  readonly json: boolean;
}

/**
 * Copies databases, also while a server or signer uses them, and reports what was copied.
 *
 * @returns the exit code
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`, `FILE_UNWRITABLE`; TagsealError `STORAGE_FAILED`
 */
export async function copyDatabases({ dataDir, databases, to, elsewhere, json }: DatabaseCopy, io: Io): Promise<0> {
  if (to === undefined || to === "")
    throw new UsageError("USAGE", "--to is required", { hint: "Name the directory to create." });
  if (dataDir === undefined)
    throw new UsageError("USAGE", "--data is required", {
      hint: "Give the same value as for tagseal server or tagseal signer.",
    });
  const { backUp } = await import("../../server/storage/copy-databases.ts");
  const files = await backUp({ dataDir, databases, to, signal: io.signal });
  const hasOthers = databases.includes("signer.db") && (await hasKeysElsewhere(dataDir));
  const copied = files.map(({ name, bytes }) => `${name} (${bytesText(bytes)})`).join(" and ");
  if (json) writeJson(io, { directory: to, files, keysElsewhere: hasOthers });
  else io.stdout.write(`${printable(to)}: ${copied}\n${elsewhere} not in it: keep a copy in another place.\n`);
  if (hasOthers && !json) io.stdout.write("Keys in tokens or by key services are not in it, only where they are.\n");
  return 0;
}

async function hasKeysElsewhere(dataDir: string): Promise<boolean> {
  const { openKeyTableOf } = await import("../../server/signer/key-place.ts");
  const { isElsewhere } = await import("../../server/signer/key-table.ts");
  if (!existsSync(join(dataDir, "signer.db"))) return false;
  const table = await openKeyTableOf({ dataDir }, { mustExist: true });
  try {
    return (await table.oneKeyPerAlias()).some(isElsewhere);
  } finally {
    await table.close();
  }
}

/** The refusal for data in a database that has its own backup tools. */
export function notEmbedded(what: string): UsageError {
  return new UsageError("USAGE", `${what} in a shared database, which is not copied from here`, {
    hint: "Use that database's own tool: pg_dump, mariadb-dump or mysqldump.",
  });
}
