import type { ConfiguredServer } from "../../../server/configuration/server-configuration.ts";
import { defineCommand } from "../../command.ts";
import { backupOptions, copyDatabases, notEmbedded } from "../../options/backup.ts";
import { loadServerSettings, storageOptions } from "../../options/server-storage.ts";

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
      ...backupOptions,
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
    const { settings, env } = await loadServerSettings(options, io);
    const { configuredServer } = await import("../../../server/configuration/server-configuration.ts");
    const { dataDir, database, signerDatabase, remoteSigner } = configuredServer(settings, env);
    if (database !== undefined) throw notEmbedded("the server keeps its metadata");
    const databases = signerDatabase === undefined ? ["metadata.db", "signer.db"] : ["metadata.db"];
    const elsewhere = notCopied({ remoteSigner, signerDatabase });
    return await copyDatabases({ ...options, dataDir, databases, elsewhere }, io);
  },
);

/** What belongs to the keys and is elsewhere. With a signer of its own, `signer.db` says only which of its keys is for what. */
function notCopied({
  remoteSigner,
  signerDatabase,
}: Pick<ConfiguredServer, "remoteSigner" | "signerDatabase">): string {
  if (remoteSigner !== undefined) return "The keys, which the signer has, are";
  if (signerDatabase !== undefined) return "The keys, which are in a database of their own, are";
  return "The passphrase of the keys is";
}
