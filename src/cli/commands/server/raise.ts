import { UsageError } from "../../../errors.ts";
import type { Lifetimes } from "../../../server/freshness/lifetimes.ts";
import type { RaisedCollection, Raising } from "../../../server/restore/raise-collections.ts";
import { defineCommand } from "../../command.ts";
import { parseDuration } from "../../options/duration.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { loadServerSettings, openSigningServerData } from "../../open/server-storage.ts";
import { storageOptions } from "../../options/storage-flags.ts";
import { forEachRepository } from "../../output/for-each-repository.ts";

/** `tagseal server raise`: raises versions above those that a restore has lost. */
export const command = defineCommand(
  {
    path: "server raise",
    usage: "(--by N | --backup-age AGE) [OPTIONS] IMAGE... | --all",
    summary: "Raise the signed versions after a restore",
    description: [
      "Use it on a server that was restored from a backup. Readers that saw a newer timestamp or snapshot refuse an older one. This command signs both again with versions above all that can have been lost; their content stays the same. Run it with the same --data, --database or --config as the server; the server may be running.",
      "--backup-age is the age of the backup at the time of the restore. It raises by one version for each second of that time and for each renewal that the server can have made in it: at most 1048576.",
      "Run 'tagseal trust recover-server' first: it restores the signed files that a machine remembers, and raises the versions that the machine has seen. A snapshot that its owner signs can only be raised by recover-server or by the owner's next publication. A repository that was already raised that far since the backup, or with --by within the last hour, is not raised again.",
    ],
    options: {
      all: { kind: "switch", help: "Raise every repository of the server" },
      by: { kind: "text", value: "n", help: "Raise by this many versions" },
      "backup-age": {
        kind: "text",
        value: "age",
        help: "Raise by the versions that can have been published in this time, such as 26h",
      },
      "dry-run": { kind: "switch", help: "Only show what would be raised" },
      ...storageOptions,
      json: jsonOption,
    },
    args: { min: 0 },
    examples: [
      {
        text: "raise all repositories after restoring yesterday's backup",
        line: "tagseal server raise --data /var/lib/tagseal --backup-age 26h --all",
      },
      {
        text: "raise one repository by a given number",
        line: "tagseal server raise --data /var/lib/tagseal --by 1000 registry.example.com/team/app",
      },
    ],
    environment: [["TAGSEAL_SIGNER_PASSPHRASE", "the passphrase of the signer's keys, as for tagseal server"]],
  },
  async ({ options, args }, io) => {
    if (options.all !== (args.length === 0))
      throw new UsageError("USAGE", "give either IMAGE or --all", {
        hint: "For all repositories, after a backup of yesterday: tagseal server raise --data DIR --backup-age 26h --all",
      });
    const margin = await marginOf(options, io.now());
    const { raiseCollection } = await import("../../../server/restore/raise-collections.ts");
    const { listGuns } = await import("../../../server/storage/all-guns.ts");
    const data = await openSigningServerData(await loadServerSettings(options, io), io);
    try {
      const { store, signer, lifetimes } = data;
      const dryRun = options["dry-run"];
      const raising: Raising = { store, signer, lifetimes, now: io.now, dryRun, ...margin(lifetimes) };
      const guns = options.all ? await listGuns(store) : args.map((name) => imageArgument(name).gun);
      const how = { json: options.json, failureHeading: "not raised" };
      return await forEachRepository(guns, io, how, async (gun, say) => {
        io.signal.throwIfAborted();
        const raised = await raiseCollection(gun, raising);
        if (raised.outcome === "absent") throw absent(gun);
        say(`${gun}: ${inWords(raised, dryRun)}\n`);
        const { outcome, timestamp, snapshot } = raised;
        return { repository: gun, dryRun, by: raising.by, outcome, timestamp, snapshot };
      });
    } finally {
      await data.close();
    }
  },
);

type Margin = Pick<Raising, "by" | "doneSince">;

/** One hour: an interrupted run with --by is repeated soon, and must not raise twice. */
const repeatMs = 3_600_000;

async function marginOf(
  options: { readonly by: string | undefined; readonly "backup-age": string | undefined },
  now: Date,
): Promise<(lifetimes: Lifetimes) => Margin> {
  const { parseMargin, versionsSince } = await import("../../../server/restore/version-margin.ts");
  const { by, "backup-age": age } = options;
  if ((by === undefined) === (age === undefined))
    throw new UsageError("USAGE", "give either --by or --backup-age", {
      hint: "For all repositories, after a backup of yesterday: tagseal server raise --data DIR --backup-age 26h --all",
    });
  if (age === undefined) {
    const margin = { by: parseMargin(by ?? ""), doneSince: new Date(now.getTime() - repeatMs) };
    return () => margin;
  }
  const ageMs = parseDuration(age, "--backup-age");
  return (lifetimes) => ({ by: versionsSince(ageMs, lifetimes), doneSince: new Date(now.getTime() - ageMs) });
}

function inWords({ outcome, timestamp, snapshot }: RaisedCollection, dryRun: boolean): string {
  if (outcome === "already" || timestamp === undefined) return "raised already";
  const verb = dryRun ? "would raise" : "raised";
  const owners = "; its owner signs the snapshot: only tagseal trust recover-server or a publication raises it";
  const versions = [
    `timestamp ${timestamp.from} to ${timestamp.to}`,
    ...(snapshot === undefined ? [] : [`snapshot ${snapshot.from} to ${snapshot.to}`]),
  ];
  return `${verb} ${versions.join(", ")}${snapshot === undefined ? owners : ""}`;
}

function absent(gun: string): UsageError {
  return new UsageError("USAGE", `the server does not have ${gun}`, {
    hint: `If it was lost, bring it back from a machine that used it: tagseal trust recover-server ${gun}`,
  });
}
