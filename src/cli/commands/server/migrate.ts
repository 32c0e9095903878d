import { UsageError } from "../../../errors.ts";
import { defineCommand } from "../../command.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { loadServerSettings } from "../../open/server-storage.ts";
import { storageOptions } from "../../options/storage-flags.ts";

/** `tagseal server migrate`: updates the schema of a shared database, with an account that may do so. */
export const command = defineCommand(
  {
    path: "server migrate",
    usage: "--database URL [OPTIONS]",
    summary: "Update the schema of a shared database",
    description: [
      "Creates the tables that this release needs, or changes the tables of an older release. A server does the same when it starts; use this command when the server's own account may not change the schema. It is safe at any time, also when several processes run it at once.",
    ],
    options: { ...storageOptions, json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "prepare the database before the first start",
        line: "tagseal server migrate --database postgres://owner@db/tagseal",
      },
    ],
  },
  async ({ options }, io) => {
    const { settings, env } = await loadServerSettings(options, io);
    const { configuredServer } = await import("../../../server/configuration/server-configuration.ts");
    const { migrateServer } = await import("../../../server/run/migrate-server.ts");
    const { database, signerDatabase } = configuredServer(settings, env);
    if (database === undefined) throw new UsageError("USAGE", "--database is required: files need no migration");
    const steps = await migrateServer({ database, signerDatabase });
    io.stdout.write(options.json ? `${JSON.stringify({ steps })}\n` : report(steps));
    return 0;
  },
);

function report(steps: number): string {
  return steps === 0 ? "Nothing to do.\n" : `Ran ${steps} ${steps === 1 ? "step" : "steps"}.\n`;
}
