import { TagsealError } from "../../../errors.ts";
import type { ConfigurationFinding, ConfigurationReport } from "../../../server/configuration/configuration-check.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { parseListenAddress } from "../../options/listen-address.ts";
import { openKeyService } from "../../open/keys-elsewhere.ts";
import { unknownVariableText } from "../../open/setting-sources.ts";
import { loadServerSettings } from "../../open/server-storage.ts";
import { storageOptions } from "../../options/storage-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { printable } from "../../output/printable.ts";

/** `tagseal server config check`: checks whether a server would start. */
export const command = defineCommand(
  {
    path: "server config check",
    usage: "[--config FILE] [OPTIONS]",
    summary: "Check a server's configuration without starting it",
    description: [
      "Reads the settings as 'tagseal server' does, from --config, variables and flags, and every file they name: certificates and keys, certificate authorities, password and token files, access rules and passphrases. It also checks the address of the database. It changes nothing and opens no port, so you can check a new configuration beside the running server.",
      "It prints one line on standard output for each problem, with a suggestion for a misspelt setting. Warnings go to standard error.",
      "With --connect, it also connects to the databases and the remote signer, and to the place that keys.store names: the PIN of a token is then used once.",
    ],
    options: {
      ...storageOptions,
      data: { ...storageOptions.data, help: "The server's data directory" },
      database: { ...storageOptions.database, help: "The server's shared database: postgres://… or mysql://…" },
      connect: { kind: "switch", help: "Also connect to the databases, the remote signer and the place of keys" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "check before a restart",
        line: "tagseal server config check --config /etc/tagseal/server.json --connect",
      },
    ],
    environment: [
      ["TAGSEAL_SERVER_…", "one setting each, as for tagseal server"],
      ["TAGSEAL_SIGNER_PASSPHRASE, NOTARY_SIGNER_<ALIAS>", "the passphrases, as for tagseal server"],
    ],
    exitCodes: [[1, "there is a problem"]],
  },
  async ({ options }, io) => {
    const problems: ConfigurationFinding[] = [];
    const note = ({ code, message, hint }: TagsealError): void => void problems.push({ code, message, hint });
    const report = await checked(options, io, note);
    const all: ConfigurationReport = { ...report, problems: [...problems, ...report.problems] };
    if (options.json) writeJson(io, all);
    else tell(all, io);
    return all.problems.length === 0 ? 0 : 1;
  },
);

type Told = NonNullable<Parameters<typeof loadServerSettings>[3]>;
type Given = Parameters<typeof loadServerSettings>[0] & { readonly connect: boolean };

/** Settings that cannot be read at all are a problem, too; a mistake on the command line is an error. */
async function checked(options: Given, io: Io, note: (problem: TagsealError) => void): Promise<ConfigurationReport> {
  const { checkConfiguration } = await import("../../../server/configuration/configuration-check.ts");
  try {
    const unknown: ConfigurationFinding[] = [];
    const onUnknown: Told["onUnknown"] = (one) =>
      void unknown.push({ code: "SERVER_CONFIGURATION", message: unknownVariableText(one), hint: undefined });
    const loaded = await loadServerSettings(options, io, [], { onProblem: note, onUnknown });
    const { settings, env } = loaded;
    const address = settings.text("server.http_addr");
    if (address !== undefined) noteFailure(() => parseListenAddress(address), note);
    const onWarning = (message: string): void =>
      void unknown.push({ code: "KEY_SERVICE_UNAVAILABLE", message, hint: undefined });
    const keyService = await openKeyService(loaded, onWarning).catch(noteOrThrow(note));
    const { connect } = options;
    const report = await checkConfiguration({ settings, env, now: io.now(), connect, keyService });
    return { ...report, warnings: [...unknown, ...report.warnings] };
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "USAGE") throw error;
    note(error);
    return { files: [], problems: [], warnings: [] };
  }
}

function noteOrThrow(note: (problem: TagsealError) => void): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof TagsealError)) throw error;
    note(error);
  };
}

function noteFailure(work: () => unknown, note: (problem: TagsealError) => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    note(new TagsealError("SERVER_CONFIGURATION", `server.http_addr: ${error.message}`, { cause: error }));
  }
}

function tell({ files, problems, warnings }: ConfigurationReport, io: Io): void {
  for (const { code, message } of warnings) io.stderr.write(printable(`warning: ${message} [${code}]\n`));
  for (const { code, message, hint } of problems) {
    const line = hint === undefined ? message : `${message} (${hint})`;
    io.stdout.write(printable(`${line.replaceAll(/\s*\n\s*/gu, " ")} [${code}]\n`));
  }
  const found =
    problems.length === 0 ? "no problem" : problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  io.stderr.write(`Checked the settings and ${files.length === 1 ? "1 file" : `${files.length} files`}: ${found}\n`);
}
