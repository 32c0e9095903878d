import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError } from "../../../errors.ts";
import type { ConfiguredKeys } from "../../../server/configuration/signer-configuration.ts";
import type { KeyMoveEnd, KeyMoveReport } from "../../../server/signer/move-keys.ts";
import type { GivenPassphrases } from "../../../server/signer/given-passphrases.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { jsonOption } from "../../options/output-flags.ts";
import type { OptionValues } from "../../options/option.ts";
import { countingProgress } from "../../output/counting-progress.ts";
import { reportOf } from "../../output/error-report.ts";
import { writeJson } from "../../output/write-json.ts";
import { printable } from "../../output/printable.ts";
import { loadSignerSettings } from "../../open/signer-storage.ts";
import { keyStorageOptions } from "../../options/storage-flags.ts";

const importOptions = {
  ...keyStorageOptions,
  data: { ...keyStorageOptions.data, help: "Directory to move the keys to; created when missing" },
  database: { ...keyStorageOptions.database, help: "Database to move the keys to: postgres://… or mysql://…" },
  from: {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: "The data directory of a server or signer, or a backup of it",
  },
  "from-database": { kind: "text", value: "url", help: "The key database of a server or signer, instead of --from" },
  move: { kind: "switch", help: "Remove keys from the source once they are copied and can be opened" },
  "dry-run": { kind: "switch", help: "Open every key and change nothing" },
  json: jsonOption,
} as const;

/** `tagseal signer import`: moves the keys of a server to a separate signer, or back. */
export const command = defineCommand(
  {
    path: "signer import",
    usage: "(--from DIR | --from-database URL) (--data DIR | --database URL) [OPTIONS]",
    summary: "Move a server's keys to a signer, or back",
    description: [
      "Copies every key that 'tagseal server' stores itself to the store of 'tagseal signer', or the other way round, and encrypts it under the passphrase of the target. With --move, it then removes from the source each key that is in the target and can be opened there. It skips keys that the target already has, so you can interrupt it and run it again.",
      "Run it once while the server is running, and again with --move after you stop the server. Then start the server with its new settings. The second run is quick, so the server is down no longer than for a restart.",
      "The secret from which new keys are derived is copied to a target that has none: publishers who were promised a key then still get it.",
    ],
    options: importOptions,
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "copy a server's keys to a signer on the same machine",
        line: "tagseal signer import --from /var/lib/tagseal --data /var/lib/tagseal-signer",
      },
    ],
    environment: [
      [
        "TAGSEAL_SIGNER_FROM_PASSPHRASE",
        'the passphrase "default" of the source; when unset, its file signer.passphrase',
      ],
      [
        "TAGSEAL_SIGNER_PASSPHRASE",
        "encrypts the keys in the target; when unset, the first run creates a passphrase file in --data",
      ],
      ["NOTARY_SIGNER_<ALIAS>", "the passphrase of this alias, on both sides"],
    ],
    exitCodes: [[1, "a key was not moved"]],
  },
  async ({ options }, io) => {
    const { settings, env } = await loadSignerSettings(options, io);
    const { configuredKeys } = await import("../../../server/configuration/signer-configuration.ts");
    const { moveKeys } = await import("../../../server/signer/move-keys.ts");
    const keys = configuredKeys(settings, env);
    requireTwoPlaces(options, keys);
    const progress = countingProgress(io, { quiet: options.json });
    const from = await openSource(options, keys.passphrases, env["TAGSEAL_SIGNER_FROM_PASSPHRASE"]);
    let to: KeyMoveEnd | undefined;
    try {
      to = await openTarget(keys, options["dry-run"], io);
      const report = await moveKeys({
        from,
        to,
        drop: options.move,
        isDryRun: options["dry-run"],
        now: io.now(),
        onKey: (count) => progress.show(`${count} keys`),
        signal: io.signal,
      });
      progress.end();
      if (options.json) writeJson(io, plain(report));
      else tell(report, io);
      return report.failed.length === 0 ? 0 : 1;
    } finally {
      progress.end();
      await Promise.all([from.table.close(), to?.table.close()]);
    }
  },
);

type Given = OptionValues<typeof importOptions>;

function requireTwoPlaces({ from, "from-database": database }: Given, keys: ConfiguredKeys): void {
  const hint =
    "Name both sides: tagseal signer import (--from DIR | --from-database URL) (--data DIR | --database URL)";
  if ((from === undefined) === (database === undefined))
    throw new UsageError("USAGE", "one of --from and --from-database is required", { hint });
  if (keys.dataDir === undefined && keys.database === undefined)
    throw new UsageError("USAGE", "--data or --database is required", { hint });
  const isSame =
    database === undefined
      ? keys.database === undefined && resolve(from ?? "") === resolve(keys.dataDir ?? "")
      : database === keys.database;
  if (isSame) throw new UsageError("USAGE", "the keys would go to where they are", { hint });
}

/** Both sides may have a passphrase of the same alias: the source's is the one beside its keys, unless another is given. */
async function openSource(
  { from, "from-database": database }: Given,
  given: GivenPassphrases | undefined,
  passphrase: string | undefined,
): Promise<KeyMoveEnd> {
  const { openKeyTableOf, passphraseFileIn, passphrasesOf } = await import("../../../server/signer/key-place.ts");
  const { aliasesInUse } = await import("../../../server/signer/signer-keys.ts");
  const byAlias = new Map(given?.byAlias);
  if (from !== undefined && existsSync(passphraseFileIn(from))) byAlias.delete("default");
  if (passphrase !== undefined && passphrase !== "") byAlias.set("default", passphrase);
  const table = await openKeyTableOf({ dataDir: from, database }, { mustExist: true });
  try {
    return { table, passphrases: passphrasesOf({ dataDir: from }, { byAlias }, await aliasesInUse(table)) };
  } catch (error) {
    await table.close();
    throw error;
  }
}

/** Undefined in a dry run for an empty target: a dry run creates nothing. */
async function openTarget(keys: ConfiguredKeys, isDryRun: boolean, io: Io): Promise<KeyMoveEnd | undefined> {
  const { openKeyTableOf, passphraseFileIn } = await import("../../../server/signer/key-place.ts");
  const { makeDataDirectory } = await import("../../../server/run/data-directory.ts");
  const { aliasesInUse } = await import("../../../server/signer/signer-keys.ts");
  const passphrases = await import("../../../server/signer/signer-passphrases.ts");
  const { dataDir, database, passphrases: given } = keys;
  const directory = database === undefined ? dataDir : undefined;
  if (directory !== undefined && isDryRun && !existsSync(join(directory, "signer.db"))) return undefined;
  if (directory !== undefined) makeDataDirectory(directory);
  const table = await openKeyTableOf(keys);
  try {
    const isNew = (await table.derivationSecret()) === undefined;
    const file = directory === undefined ? undefined : passphraseFileIn(directory);
    const onGenerated = (path: string): void => {
      io.stderr.write(printable(`Generated the passphrase ${path}\n`));
    };
    const open = isNew && !isDryRun ? passphrases.firstPassphrases : passphrases.existingPassphrases;
    return { table, passphrases: open({ given, file, onGenerated }, await aliasesInUse(table)) };
  } catch (error) {
    await table.close();
    throw error;
  }
}

function plain(report: KeyMoveReport): object {
  const failed = report.failed.map(({ keyId, alias, error }) => ({ keyId, alias, ...reportOf(error) }));
  return { ...report, failed };
}

const secretText: Readonly<Record<KeyMoveReport["secret"], string>> = {
  copied: "The secret for new keys was copied, too.",
  same: "The secret that new keys come from is here already.",
  another: "New keys come from another secret here: who was promised a key and has not published yet must ask again.",
  none: "There is no secret that new keys come from.",
};

function tell({ isDryRun, copied, alreadyThere, dropped, failed, secret }: KeyMoveReport, io: Io): void {
  for (const { keyId, alias, error } of failed)
    io.stderr.write(printable(`Key ${keyId} under "${alias}" was not moved: ${error.message} [${error.code}]\n`));
  const lines = [
    `${isDryRun ? "Would copy" : "Copied"} ${counted(copied)}; ${alreadyThere} were here already.`,
    isDryRun && secret === "copied" ? "Would copy the secret that new keys come from." : secretText[secret],
    ...(dropped === 0 ? [] : [`Removed ${counted(dropped)} from where they were.`]),
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}

function counted(keys: number): string {
  return keys === 1 ? "1 key" : `${keys} keys`;
}
