import { UsageError } from "../../../errors.ts";
import type { NotaryDatabaseReport } from "../../../transfer/import-notary-database.ts";
import type { NotaryServerDatabase } from "../../../transfer/notary-server-database.ts";
import type { NotarySignerDatabase } from "../../../transfer/notary-signer-database.ts";
import type { SourceDatabase } from "../../../transfer/source-database.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { jsonOption, quietOption } from "../../options/output-flags.ts";
import { openServerData } from "../../open/server-data.ts";
import { serverDataOptions } from "../../options/storage-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import {
  collectionsLine,
  moveExitCode,
  moveProgress,
  type SummaryLine,
  writeMoveReport,
} from "../../output/move-progress.ts";

/** `tagseal import notary-db`: imports everything from the databases of a Notary server and its signer. */
export const command = defineCommand(
  {
    path: "import notary-db",
    usage: "--from DATABASE [--signer-from DATABASE] (--data DIR | --database URL) [OPTIONS]",
    summary: "Import repositories from the databases of a Notary server and signer",
    description: [
      "Copies every version of every signed file byte for byte, the changefeed with its positions, and the signer's private keys in their encrypted form. Then verifies each repository as a client would. It writes nothing to the databases it reads.",
      "A DATABASE is a URL, a data source name, the path of an SQLite file, or a configuration file of notary-server or notary-signer (*.json), whose storage.db_url is used. Keep passwords there, or in PGPASSWORD or MYSQL_PWD, rather than on the command line.",
      "Run it again after an interruption or to catch up: it skips what it has already imported. Run it once while the old server is running, and again after you stop that server. Only then start the new server, with the same passphrases.",
      "It reports what it cannot import or verify, imports everything else, and exits with 1.",
    ],
    options: {
      from: { kind: "text", value: "database", complete: "file", help: "The database of notary-server" },
      "signer-from": {
        kind: "text",
        value: "database",
        complete: "file",
        help: "The database of notary-signer; without it, no keys are imported",
      },
      ...serverDataOptions,
      json: jsonOption,
      quiet: quietOption,
    },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "import everything, with the addresses from the old configuration",
        line: "NOTARY_SIGNER_ALIAS1=… tagseal import notary-db --from server-config.json --signer-from signer-config.json --data /var/lib/tagseal",
      },
    ],
    environment: [
      [
        "NOTARY_SIGNER_<ALIAS>",
        "the passphrase of this alias; keys in use are opened with it to prove that it is right",
      ],
      ["PGPASSWORD, MYSQL_PWD", "the database's password, when its address has none"],
    ],
    exitCodes: [[1, "something could not be imported or does not verify"]],
  },
  async ({ options }, io) => {
    const [from, signerFrom] = [required("from", options.from), options["signer-from"]];
    const { NotaryServerDatabase: Server } = await import("../../../transfer/notary-server-database.ts");
    const { NotarySignerDatabase: Signer } = await import("../../../transfer/notary-signer-database.ts");
    const { importNotaryDatabase } = await import("../../../transfer/import-notary-database.ts");
    const target = await openServerData(options, io);
    const progress = moveProgress(io, options);
    let server: NotaryServerDatabase | undefined;
    let signer: NotarySignerDatabase | undefined;
    try {
      server = new Server(await open(from, io));
      if (signerFrom !== undefined) signer = new Signer(await open(signerFrom, io));
      const report = await importNotaryDatabase({
        server,
        store: target.store,
        signer: signer && { source: signer, table: target.keys },
        passphrases: target.passphrases,
        now: io.now(),
        signal: io.signal,
        onCollection: progress.update,
      });
      progress.end();
      return tell(io, report, options.json);
    } finally {
      progress.end();
      await Promise.all([server?.close(), signer?.close(), target.close()]);
    }
  },
);

async function open(database: string, io: Io): Promise<SourceDatabase> {
  const { openSourceDatabase } = await import("../../../transfer/source-database.ts");
  const { databaseInConfiguration } = await import("../../../transfer/notary-configuration.ts");
  const url = database.endsWith(".json") ? databaseInConfiguration(database) : database;
  return await openSourceDatabase(url, { postgres: io.env["PGPASSWORD"], mysql: io.env["MYSQL_PWD"] });
}

function tell(io: Io, report: NotaryDatabaseReport, json: boolean): number {
  const { collections, changes, keys } = report;
  const others = [...(keys?.problems ?? []), ...changes.problems];
  if (json) writeJson(io, report);
  if (json) return moveExitCode(collections, others);
  const summary: readonly SummaryLine[] = [
    collectionsLine(collections),
    ["Keys", keys === undefined ? "not moved: no --signer-from" : keysText(keys)],
    ["Changes", `${changes.changes}`],
  ];
  return writeMoveReport(io, summary, collections, others);
}

function keysText({ keys, inUse, aliases }: NonNullable<NotaryDatabaseReport["keys"]>): string {
  const names = aliases.filter((alias) => alias.keys > 0).map(({ alias }) => alias);
  const leftOut = aliases.filter((alias) => alias.leftOut > 0);
  const left = leftOut.map((alias) => `; ${alias.leftOut} unused ones of ${alias.alias} left behind: no passphrase`);
  return `${keys}, ${inUse} of them in use${names.length === 0 ? "" : `; sealed under ${names.join(", ")}`}${left.join("")}`;
}

function required(flag: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError("USAGE", `--${flag} is required`, {
    hint: "Name both sides: tagseal import notary-db --from DATABASE [--signer-from DATABASE] (--data DIR | --database URL)",
  });
}
