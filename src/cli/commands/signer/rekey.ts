import { UsageError } from "../../../errors.ts";
import type { SignerPassphrases } from "../../../server/signer/signer-passphrases.ts";
import type { RekeyReport } from "../../../server/signer/rekey.ts";
import { defineCommand } from "../../command.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { loadSignerSettings } from "../../open/signer-storage.ts";
import { keyStorageOptions } from "../../options/storage-flags.ts";

/** `tagseal signer rekey`: re-encrypts all keys under another passphrase. */
export const command = defineCommand(
  {
    path: "signer rekey",
    usage: "(--data DIR | --database URL) [OPTIONS]",
    summary: "Re-encrypt a signer's keys under another passphrase",
    description: [
      "Encrypts every key that is under another passphrase under the default passphrase. It works on the keys of 'tagseal signer' and on those that 'tagseal server' stores itself. Both may be running, and you can repeat an interrupted run.",
      "Give the old and the new passphrase under their aliases, and make the new alias the default:",
      "  NOTARY_SIGNER_DEFAULT='the old one' NOTARY_SIGNER_Y2027='the new one' \\\n  NOTARY_SIGNER_DEFAULT_ALIAS=y2027 tagseal signer rekey --data DIR",
    ],
    options: {
      ...keyStorageOptions,
      "dry-run": { kind: "switch", help: "Open every key and change none" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "check that every key can be opened", line: "tagseal signer rekey --data /var/lib/tagseal --dry-run" },
    ],
    environment: [
      ["NOTARY_SIGNER_<ALIAS>", "the passphrase of this alias"],
      ["NOTARY_SIGNER_DEFAULT_ALIAS", 'the alias of the passphrase to use from now on (default "default")'],
    ],
  },
  async ({ options }, io) => {
    const { settings, env } = await loadSignerSettings(options, io);
    const { configuredKeys } = await import("../../../server/configuration/signer-configuration.ts");
    const { openKeyTableOf, passphrasesOf } = await import("../../../server/signer/key-place.ts");
    const { aliasesInUse } = await import("../../../server/signer/signer-keys.ts");
    const { rekey } = await import("../../../server/signer/rekey.ts");
    const keys = configuredKeys(settings, env);
    if (keys.dataDir === undefined && keys.database === undefined)
      throw new UsageError("USAGE", "--data or --database is required");
    const table = await openKeyTableOf(keys, { mustExist: true });
    try {
      const passphrases = passphrasesOf(keys, keys.passphrases, await aliasesInUse(table));
      if (keys.passphrases?.defaultAlias === undefined && !options["dry-run"]) requireOneTarget(passphrases);
      const report = await rekey({ table, passphrases, isDryRun: options["dry-run"] });
      io.stdout.write(options.json ? `${JSON.stringify(plain(report))}\n` : text(report));
      return report.failed.length === 0 ? 0 : 1;
    } finally {
      await table.close();
    }
  },
);

/** The new one of several passphrases must be named: a guess could report success and change nothing. */
function requireOneTarget({ byAlias, defaultAlias }: SignerPassphrases): void {
  if (defaultAlias === "default" || byAlias.size < 2) return;
  const names = [...byAlias.keys()].join(", ");
  throw new UsageError("USAGE", `${names} are given, and none is named as the new passphrase`, {
    hint: `Set NOTARY_SIGNER_DEFAULT_ALIAS to one of them.`,
  });
}

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
  const { isDryRun, defaultAlias, resealed, upToDate, elsewhere, isSecretResealed, failed, aliasesStillNeeded } =
    report;
  const moved = [...resealed].map(([alias, count]) => `${count} from "${alias}"`).join(", ");
  const lines = [
    moved === ""
      ? `Nothing to move to "${defaultAlias}".`
      : `${isDryRun ? "Would move" : "Moved"} to "${defaultAlias}": ${moved}.`,
    ...(isSecretResealed ? [`${isDryRun ? "Would move" : "Moved"} the secret that new keys are made from.`] : []),
    `${upToDate} were there already.`,
    ...(elsewhere === 0 ? [] : [`${elsewhere} are kept in tokens or by key services, under no passphrase.`]),
    ...failures(failed),
    ...(aliasesStillNeeded.length === 0
      ? []
      : [`Still needed: ${aliasesStillNeeded.map((alias) => `"${alias}"`).join(", ")}.`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** key IDs in one line; --json has all */
const maxNamed = 5;

/** One line for each reason: a wrong passphrase is one problem, no matter how many keys it should open. */
function failures(failed: RekeyReport["failed"]): string[] {
  const groups = Map.groupBy(failed, ({ alias, error }) => `${alias}\n${error.message}`);
  return [...groups.values()].map((group) => {
    const [first, ...others] = group;
    if (first === undefined) return "";
    const { keyId, alias, error } = first;
    if (others.length === 0) return `Key ${keyId} under "${alias}" does not open: ${error.message}`;
    const ids = group.slice(0, maxNamed).map((key) => key.keyId);
    const more = group.length > maxNamed ? ", …" : "";
    return `${group.length} keys under "${alias}" do not open: ${error.message}: ${ids.join(", ")}${more}`;
  });
}
