import { UsageError } from "../../../errors.ts";
import type { RekeyReport } from "../../../server/signer/rekey.ts";
import { defineCommand } from "../../command.ts";
import { jsonOption } from "../../options/json.ts";
import { keyStorageOptions, loadSignerSettings } from "../signer.ts";

/** `tagseal signer rekey`: all keys under another passphrase. */
export const command = defineCommand(
  {
    path: "signer rekey",
    usage: "(--data DIR | --database URL) [OPTIONS]",
    summary: "Move a signer's keys to another passphrase",
    description: [
      "Seals every key under the default passphrase that is sealed under another one. Works on the keys of 'tagseal signer' and on those that 'tagseal server' keeps itself. Both may go on running, and an interrupted run can be repeated.",
      "Give the old and the new passphrase under their names, and name the new one the default:",
      "  NOTARY_SIGNER_DEFAULT='the old one' NOTARY_SIGNER_Y2027='the new one' \\\n  NOTARY_SIGNER_DEFAULT_ALIAS=y2027 tagseal signer rekey --data DIR",
    ],
    options: {
      ...keyStorageOptions,
      "dry-run": { kind: "switch", help: "Open every key and change none" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [{ text: "whether every key opens", line: "tagseal signer rekey --data /var/lib/tagseal --dry-run" }],
    environment: [
      ["NOTARY_SIGNER_<ALIAS>", "the passphrase of that name"],
      ["NOTARY_SIGNER_DEFAULT_ALIAS", "the name of the passphrase that keys are moved to (default)"],
    ],
  },
  async ({ options }, io) => {
    const { settings, env } = await loadSignerSettings(options, io);
    const { configuredKeys } = await import("../../../server/configuration/signer-configuration.ts");
    const { openKeyTableOf, passphrasesOf } = await import("../../../server/signer/key-place.ts");
    const { rekey } = await import("../../../server/signer/rekey.ts");
    const keys = configuredKeys(settings, env);
    if (keys.dataDir === undefined && keys.database === undefined)
      throw new UsageError("USAGE", "--data or --database is required");
    const table = await openKeyTableOf(keys, { mustExist: true });
    try {
      const report = await rekey({
        table,
        passphrases: passphrasesOf(keys, keys.passphrases),
        isDryRun: options["dry-run"],
      });
      io.stdout.write(options.json ? `${JSON.stringify(plain(report))}\n` : text(report));
      return report.failed.length === 0 ? 0 : 1;
    } finally {
      await table.close();
    }
  },
);

function plain(report: RekeyReport): object {
  const failed = report.failed.map(({ keyId, alias, error }) => ({
    keyId,
    alias,
    code: error.code,
    message: error.message,
  }));
  return { ...report, resealed: Object.fromEntries(report.resealed), failed };
}

function text(report: RekeyReport): string {
  const { isDryRun, defaultAlias, resealed, upToDate, isSecretResealed, failed, aliasesStillNeeded } = report;
  const moved = [...resealed].map(([alias, count]) => `${count} from "${alias}"`).join(", ");
  const lines = [
    moved === ""
      ? `Nothing to move to "${defaultAlias}".`
      : `${isDryRun ? "Would move" : "Moved"} to "${defaultAlias}": ${moved}.`,
    ...(isSecretResealed ? [`${isDryRun ? "Would move" : "Moved"} the secret that new keys are made from.`] : []),
    `${upToDate} were there already.`,
    ...failed.map(({ keyId, alias, error }) => `Key ${keyId} under "${alias}" does not open: ${error.message}`),
    ...(aliasesStillNeeded.length === 0
      ? []
      : [`Still needed: ${aliasesStillNeeded.map((alias) => `"${alias}"`).join(", ")}.`]),
  ];
  return `${lines.join("\n")}\n`;
}
