import { defineCommand } from "../../command.ts";
import { backupOptions, copyDatabases, notEmbedded } from "../../options/backup.ts";
import { keyStorageOptions, loadSignerSettings } from "../signer.ts";

/** `tagseal signer backup`: the embedded database of keys, copied beside a running signer. */
export const command = defineCommand(
  {
    path: "signer backup",
    usage: "--data DIR --to DIR [OPTIONS]",
    summary: "Copy a signer's keys while it runs",
    description: [
      "Copies signer.db into a new directory that only its owner may enter. It holds every key that has signed before. Back up the trust servers first: a key too many does no harm, a missing one does. The directory appears when all of it is there, or not at all.",
      "The passphrases that open the keys are not copied: keep them, signer.passphrase or what you gave instead, in another place.",
    ],
    options: {
      ...keyStorageOptions,
      data: { ...keyStorageOptions.data, help: "The signer's data directory" },
      database: { ...keyStorageOptions.database, help: "As the signer has it; such a database has tools of its own" },
      ...backupOptions,
    },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "a directory for each day",
        line: "tagseal signer backup --data /var/lib/tagseal-signer --to /media/backups/signer-2026-11-23",
      },
    ],
  },
  async ({ options }, io) => {
    const { settings, env } = await loadSignerSettings(options, io);
    const { configuredKeys } = await import("../../../server/configuration/signer-configuration.ts");
    const { dataDir, database } = configuredKeys(settings, env);
    if (database !== undefined) throw notEmbedded("the signer keeps its keys");
    const elsewhere = "The passphrases of the keys are";
    return await copyDatabases({ ...options, dataDir, databases: ["signer.db"], elsewhere }, io);
  },
);
