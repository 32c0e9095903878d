import { defineCommand } from "../../command.ts";
import { copyDatabases, notEmbedded } from "../../open/database-copy.ts";
import { backupOptions } from "../../options/backup-flags.ts";
import { loadSignerSettings } from "../../open/signer-storage.ts";
import { keyStorageOptions } from "../../options/storage-flags.ts";

/** `tagseal signer backup`: copies the embedded database of keys, also while the signer is running. */
export const command = defineCommand(
  {
    path: "signer backup",
    usage: "--data DIR --to DIR [OPTIONS]",
    summary: "Back up the keys of a running signer",
    description: [
      "Copies signer.db into a new directory that only its owner can enter. The copy contains every key that signed before the start. Back up the trust servers first: extra keys are harmless, a missing key is not. The directory appears when the copy is complete, or not at all.",
      "The passphrases of the keys are not copied. Keep them (signer.passphrase, or those you supply) in a different place.",
    ],
    options: backupOptions(keyStorageOptions, "signer"),
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "back up to a new directory for each day",
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
