import type { Usage, UsageLimit } from "../../../server/storage/usage-limit.ts";
import { defineCommand } from "../../command.ts";
import { inspectionOptions } from "../../options/storage-flags.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { loadServerSettings, openConfiguredStore } from "../../open/server-storage.ts";
import { writeJson } from "../../output/write-json.ts";
import { printable } from "../../output/printable.ts";
import { bytesText } from "../../output/progress.ts";
import { textTable } from "../../output/text-table.ts";

const { config, "notary-config": notaryConfig, data, database } = inspectionOptions;

/** `tagseal server limits`: shows the usage of each limit. */
export const command = defineCommand(
  {
    path: "server limits",
    usage: "--config FILE [OPTIONS]",
    summary: "Show the usage of each limit of a server",
    description: [
      "Prints one line for each limit in repositories.limits: the prefix, the number of repositories below it and their size, each with its limit and the share in use. Sizes count every stored version, as in 'tagseal server list'. It reads the server's data; the server may be running.",
    ],
    options: { config, "notary-config": notaryConfig, data, database, json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [
      { text: "show how much each team uses", line: "tagseal server limits --config /etc/tagseal/server.json" },
    ],
  },
  async ({ options }, io) => {
    const { changeableServer } = await import("../../../server/configuration/server-configuration.ts");
    const loaded = await loadServerSettings(options, io);
    const { usageLimits = [] } = changeableServer(loaded.settings);
    const store = await openConfiguredStore(loaded);
    try {
      const lines: Line[] = [];
      for (const limit of usageLimits) lines.push({ limit, usage: await store.usage(limit.prefix) });
      if (options.json) writeJson(io, { limits: lines.map(plain) });
      else if (lines.length > 0) io.stdout.write(printable(textTable([heading, ...lines.map(row)])));
      else io.stderr.write("no limits are set: see repositories.limits in docs/server-settings.md\n");
      return 0;
    } finally {
      await store.close();
    }
  },
);

interface Line {
  readonly limit: UsageLimit;
  readonly usage: Usage;
}

const heading = ["PREFIX", "REPOSITORIES", "SIZE"];

function plain({ limit, usage }: Line): unknown {
  const of = (what: keyof Usage): unknown => ({ used: usage[what], limit: limit[what] ?? null });
  return { prefix: limit.prefix, repositories: of("repositories"), bytes: of("bytes") };
}

function row({ limit, usage }: Line): readonly string[] {
  return [
    limit.prefix,
    share(usage.repositories, limit.repositories, String),
    share(usage.bytes, limit.bytes, bytesText),
  ];
}

function share(used: number, limit: number | undefined, text: (value: number) => string): string {
  if (limit === undefined) return text(used);
  const percent = limit === 0 ? "" : ` (${Math.floor((used / limit) * 100)} %)`;
  return `${text(used)} of ${text(limit)}${percent}`;
}
