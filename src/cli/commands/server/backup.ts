import type { ConfiguredServer } from "../../../server/configuration/server-configuration.ts";
import { defineCommand } from "../../command.ts";
import { copyDatabases, notEmbedded } from "../../open/database-copy.ts";
import { backupOptions } from "../../options/backup-flags.ts";
import { loadServerSettings } from "../../open/server-storage.ts";
import { storageOptions } from "../../options/storage-flags.ts";

/** `tagseal server backup`: copies the embedded databases, also while the server is running. */
export const command = defineCommand(
  {
    path: "server backup",
    usage: "--data DIR --to DIR [OPTIONS]",
    summary: "Back up the databases of a running server",
    description: [
      "Copies metadata.db, then signer.db, into a new directory that only its owner can enter. The copy contains every publication that was acknowledged before the start, complete. Publishing can continue during the backup. The directory appears when the copy is complete, or not at all.",
      "The passphrase of the keys is not copied. Keep it (signer.passphrase, or the one you supply) in a different place.",
    ],
    options: backupOptions(storageOptions, "server"),
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "back up to a new directory for each day",
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

/** The key material that is not in the copy. With a separate signer, `signer.db` only maps the signer's keys to their uses. */
function notCopied({
  remoteSigner,
  signerDatabase,
}: Pick<ConfiguredServer, "remoteSigner" | "signerDatabase">): string {
  if (remoteSigner !== undefined) return "The keys, which the signer has, are";
  if (signerDatabase !== undefined) return "The keys, which are in a separate database, are";
  return "The passphrase of the keys is";
}
