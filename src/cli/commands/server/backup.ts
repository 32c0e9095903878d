import { UsageError } from "../../../errors.ts";
import type { BackupFile } from "../../../server/backup-server.ts";
import type { ConfiguredServer } from "../../../server/configuration/server-configuration.ts";
import { defineCommand } from "../../command.ts";
import { jsonOption } from "../../options/json.ts";
import { loadServerSettings, storageOptions } from "../../options/server-storage.ts";
import { writeJson } from "../../output/json.ts";
import { printable } from "../../output/printable.ts";
import { bytesText } from "../../output/progress.ts";

/** `tagseal server backup`: the embedded databases, copied beside a running server. */
export const command = defineCommand(
  {
    path: "server backup",
    usage: "--data DIR --to DIR [OPTIONS]",
    summary: "Copy a server's databases while it runs",
    description: [
      "Copies metadata.db, and signer.db after it, into a new directory that only its owner may enter. It holds every publication that was acknowledged before, whole; people may publish meanwhile. The directory appears when all of it is there, or not at all.",
      "The passphrase that opens the keys is not copied: keep it, signer.passphrase or what you gave instead, in another place.",
    ],
    options: {
      ...storageOptions,
      data: { ...storageOptions.data, help: "The server's data directory" },
      database: { ...storageOptions.database, help: "As the server has it; such a database has tools of its own" },
      to: { kind: "text", value: "dir", complete: "directory", help: "The directory to make" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "a directory for each day",
        line: "tagseal server backup --data /var/lib/tagseal --to /media/backups/tagseal-2026-11-23",
      },
    ],
  },
  async ({ options }, io) => {
    const { to = "" } = options;
    if (to === "") throw new UsageError("USAGE", "--to is required", { hint: "name the directory to make" });
    const { settings, env } = await loadServerSettings(options, io);
    const { configuredServer } = await import("../../../server/configuration/server-configuration.ts");
    const { dataDir, database, signerDatabase, remoteSigner } = configuredServer(settings, env);
    if (database !== undefined) throw sharedDatabase();
    if (dataDir === undefined)
      throw new UsageError("USAGE", "--data is required", { hint: "give what tagseal server is given" });
    const { backupServer } = await import("../../../server/backup-server.ts");
    const files = await backupServer({ dataDir, to, includesKeys: signerDatabase === undefined, signal: io.signal });
    if (options.json) writeJson(io, { directory: to, files });
    else io.stdout.write(report(to, files, notCopied({ remoteSigner, signerDatabase })));
    return 0;
  },
);

function sharedDatabase(): UsageError {
  return new UsageError("USAGE", "the server keeps its metadata in a shared database, which is not copied from here", {
    hint: "use that database's own tool: pg_dump, mariadb-dump or mysqldump",
  });
}

/** What belongs to the keys and is elsewhere. With a signer of its own, `signer.db` says only which of its keys is for what. */
function notCopied({
  remoteSigner,
  signerDatabase,
}: Pick<ConfiguredServer, "remoteSigner" | "signerDatabase">): string {
  if (remoteSigner !== undefined) return "The keys, which the signer has, are";
  if (signerDatabase !== undefined) return "The keys, which are in a database of their own, are";
  return "The passphrase of the keys is";
}

function report(to: string, files: readonly BackupFile[], elsewhere: string): string {
  const copied = files.map(({ name, bytes }) => `${name} (${bytesText(bytes)})`).join(" and ");
  return `${printable(to)}: ${copied}\n${elsewhere} not in it: keep a copy in another place.\n`;
}
