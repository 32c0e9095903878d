/** What the commands that copy embedded databases share. */
import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { writeJson } from "../output/json.ts";
import { printable } from "../output/printable.ts";
import { bytesText } from "../output/progress.ts";
import { jsonOption } from "./json.ts";
import type { Options } from "./option.ts";

/** Flags that say where the copy goes. */
export const backupOptions = {
  to: { kind: "text", value: "dir", complete: "directory", help: "The directory to make" },
  json: jsonOption,
} as const satisfies Options;

/** What to copy, and how to speak of it. */
export interface DatabaseCopy {
  /** undefined when it was not given */
  readonly dataDir: string | undefined;
  readonly databases: readonly string[];
  readonly to: string | undefined;
  /** what belongs to the copy and is not in it, with its verb */
  readonly elsewhere: string;
  readonly json: boolean;
}

/**
 * Copies databases beside whoever works on them, and tells what was copied.
 *
 * @returns the exit code
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`, `FILE_UNWRITABLE`; TagsealError `STORAGE_FAILED`
 */
export async function copyDatabases({ dataDir, databases, to, elsewhere, json }: DatabaseCopy, io: Io): Promise<0> {
  if (to === undefined || to === "")
    throw new UsageError("USAGE", "--to is required", { hint: "name the directory to make" });
  if (dataDir === undefined)
    throw new UsageError("USAGE", "--data is required", { hint: "give what tagseal server, or signer, is given" });
  const { backUp } = await import("../../server/storage/copy-databases.ts");
  const files = await backUp({ dataDir, databases, to, signal: io.signal });
  const copied = files.map(({ name, bytes }) => `${name} (${bytesText(bytes)})`).join(" and ");
  if (json) writeJson(io, { directory: to, files });
  else io.stdout.write(`${printable(to)}: ${copied}\n${elsewhere} not in it: keep a copy in another place.\n`);
  return 0;
}

/** The refusal for whoever keeps something in a database that has tools of its own. */
export function notEmbedded(what: string): UsageError {
  return new UsageError("USAGE", `${what} in a shared database, which is not copied from here`, {
    hint: "use that database's own tool: pg_dump, mariadb-dump or mysqldump",
  });
}
