import { defineCommand } from "../../command.ts";
import type { PruneReport } from "../../../server/retention/prune-versions.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { loadServerSettings, openConfiguredStore } from "../../open/server-storage.ts";
import { storageOptions } from "../../options/storage-flags.ts";

/** `tagseal server gc`: runs the server's daily removal of superseded versions now. */
export const command = defineCommand(
  {
    path: "server gc",
    usage: "(--data DIR | --database URL) [OPTIONS]",
    summary: "Remove superseded versions",
    description: [
      "Removes versions that were superseded more than retention.days ago (30 days by default), and repositories that were deleted before that. It keeps every root, and every file that a kept snapshot names. A running server does the same once a day; both may run at the same time.",
    ],
    options: {
      ...storageOptions,
      "dry-run": { kind: "switch", help: "Only show what would be removed" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [{ text: "show what would be removed", line: "tagseal server gc --data /var/lib/tagseal --dry-run" }],
  },
  async ({ options }, io) => {
    const loaded = await loadServerSettings(options, io);
    const { configuredServer } = await import("../../../server/configuration/server-configuration.ts");
    const { defaultKeepVersionsMs } = await import("../../../server/run/server-options.ts");
    const { pruneVersions } = await import("../../../server/retention/prune-versions.ts");
    const keepMs = configuredServer(loaded.settings, loaded.env).keepVersionsMs ?? defaultKeepVersionsMs;
    const store = await openConfiguredStore(loaded);
    try {
      const dryRun = options["dry-run"];
      const onFailure = (gun: string, error: unknown): void =>
        io.stderr.write(`${gun}: ${error instanceof Error ? error.message : String(error)}\n`);
      const found = await pruneVersions({ store, now: io.now(), keepMs, dryRun, onFailure, signal: io.signal });
      io.stdout.write(options.json ? `${JSON.stringify({ ...found, dryRun })}\n` : report(found, dryRun));
      return found.failedCollections === 0 ? 0 : 1;
    } finally {
      await store.close();
    }
  },
);

function report(found: PruneReport, dryRun: boolean): string {
  const { collections, forgottenVersions, forgottenBytes, forgottenDeletions } = found;
  const verb = dryRun ? "would be forgotten" : "forgotten";
  const megabytes = (forgottenBytes / 1_000_000).toFixed(1);
  const repositories = collections === 1 ? "1 repository" : `${collections} repositories`;
  const versions = forgottenVersions === 1 ? "1 superseded version" : `${forgottenVersions} superseded versions`;
  const deleted = forgottenDeletions === 1 ? "1 deleted repository" : `${forgottenDeletions} deleted repositories`;
  const also = forgottenDeletions === 0 ? "" : ` and ${deleted}`;
  return `${repositories}, ${versions}${also} ${verb}, ${megabytes} MB\n`;
}
