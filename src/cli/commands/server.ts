import { UsageError } from "../../errors.ts";
import type { LogLevel } from "../../service/log.ts";
import { defineCommand } from "../command.ts";
import { parseListenAddress } from "../options/listen-address.ts";
import { listeningOptions, requireBoth } from "../options/listening-flags.ts";
import type { Options, OptionValues } from "../options/option.ts";
import { loadServerSettings } from "../open/server-storage.ts";
import { storageOptions } from "../options/storage-flags.ts";
import { openKeyService } from "../open/keys-elsewhere.ts";
import { type SettingFiles, unknownVariableLine } from "../open/setting-sources.ts";
import { foregroundLog, keyWarning, serveUntilStopped, warnIgnored } from "../serving/in-foreground.ts";
import { keepServerSmall } from "../serving/server-heap.ts";
import { version } from "../version-line.ts";

const logLevels = ["debug", "info", "warning", "error"] as const satisfies readonly LogLevel[];

const options = {
  ...storageOptions,
  ...listeningOptions,
  "accept-lost-keys": {
    kind: "switch",
    help: "Start even if keys that repositories name are lost; owners then run 'tagseal import hand-over'",
  },
  "read-only": {
    kind: "switch",
    help: "Refuse publications, deletions and key rotations; serve readers as usual",
  },
  "log-level": {
    kind: "text",
    value: "level",
    complete: logLevels,
    help: 'debug, info, warning or error (default "info")',
  },
} as const satisfies Options;

/** `tagseal server`: runs the trust server in the foreground until it is told to stop. */
export const command = defineCommand(
  {
    path: "server",
    usage: "--listen HOST:PORT --data DIR [OPTIONS]",
    summary: "Run a trust server",
    description: [
      "Serves the Notary v1 protocol to docker up to 28, docker trust, notary and tagseal. It keeps metadata in an embedded database in DIR, or in a database that several servers share. The snapshot and timestamp keys are in the same place, encrypted.",
      "Runs in the foreground until SIGTERM or Ctrl-C, then finishes the open requests and exits with 0. Logs are JSON lines on standard error. Monitor it with /_notary_server/health and /metrics.",
      "Without --tls-cert and --tls-key, it speaks plain HTTP, which clients refuse. Put a TLS proxy in front of it in that case.",
      "All other settings come from the file given with --config, or from variables: TAGSEAL_SERVER_ and the setting's name, such as TAGSEAL_SERVER_AUTH_HTPASSWD. A flag overrides a variable, and a variable overrides the file. The file can be a server-config.json of Notary.",
      "The subcommands work on the server's data, also while the server is running: 'tagseal server list', 'show' and 'check' inspect repositories, 'config check' checks the settings, 'backup' copies the embedded databases, 'migrate' updates the schema of a shared database, 'gc' removes superseded versions, 'undelete' restores a deleted repository, and 'limits' shows the usage of each limit.",
    ],
    options,
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "run a server for a team",
        line: "tagseal server --listen 0.0.0.0:4443 --data /var/lib/tagseal --tls-cert server.crt --tls-key server.key",
      },
      {
        text: "replace notary-server, with its own configuration",
        line: "tagseal server --notary-config server-config.json --data /var/lib/tagseal",
      },
    ],
    environment: [
      ["TAGSEAL_SERVER_…", "one setting each; with _FILE at the end, the path of a file with the value"],
      ["TAGSEAL_TOKEN_PIN", "PIN of the token that keys.store names; TAGSEAL_TOKEN_PIN_FILE: a file with it"],
      [
        "TAGSEAL_SIGNER_PASSPHRASE",
        "encrypts the signer's keys; when unset, the first start creates a passphrase file in DIR",
      ],
    ],
    endsOnSignal: true,
  },
  async ({ options: given }, io) => {
    const log = foregroundLog(io);
    const flags = flagsOf(given);
    const loaded = await loadServerSettings(given, io, flags, {
      onUnknown: (unknown) => log(unknownVariableLine(unknown)),
    });
    const { settings, env, secretFiles } = loaded;
    const readOnlyFlag = given["read-only"] ? { readOnly: true } : {};
    requireBoth(given["tls-cert"], given["tls-key"]);
    const address = parseListenAddress(required("listen", settings.text("server.http_addr")));
    await keepServerSmall();
    const { changeableServer, configuredServer } = await import("../../server/configuration/server-configuration.ts");
    const { startServer } = await import("../../server/run/start-server.ts");
    const configured = configuredServer(settings, env);
    if (configured.database === undefined) required("data", configured.dataDir);
    warnIgnored(settings, log);
    const running = await startServer({
      ...configured,
      keyService: await openKeyService(loaded, (warning) => log(keyWarning(warning))),
      secretFiles,
      version,
      acceptLostKeys: given["accept-lost-keys"],
      ...readOnlyFlag,
      ...address,
      log,
      now: io.now,
    });
    const applySettings = async (): Promise<void> => {
      const again = await loadServerSettings(given, io, flags);
      running.change({ ...changeableServer(again.settings), ...readOnlyFlag });
    };
    const reload = (): Promise<void> => eachDone([running.reload(), applySettings()]);
    return await serveUntilStopped({ reload, close: () => running.close() }, io, log);
  },
);

/** Invalid settings do not keep files from being read again, and the other way round: the valid part applies. */
async function eachDone(works: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(works);
  const failed = outcomes.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

function flagsOf(given: OptionValues<typeof options>): SettingFiles["flags"] {
  return [
    { flag: "--listen", setting: "server.http_addr", value: given.listen },
    { flag: "--tls-cert", setting: "server.tls_cert_file", value: given["tls-cert"] },
    { flag: "--tls-key", setting: "server.tls_key_file", value: given["tls-key"] },
    { flag: "--log-level", setting: "logging.level", value: logLevel(given["log-level"]) },
  ];
}

function required(flag: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError("USAGE", `--${flag} is required`, {
    hint: "Start it with: tagseal server --listen HOST:PORT --data DIR [--tls-cert FILE --tls-key FILE]",
  });
}

function logLevel(text: string | undefined): string | undefined {
  if (text === undefined || logLevels.some((known) => known === text)) return text;
  throw new UsageError("USAGE", `--log-level: expected ${logLevels.join(", ")}, got "${text}"`);
}
