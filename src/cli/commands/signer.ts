import { UsageError } from "../../errors.ts";
import type { SignerOptions } from "../../server/signer/signer-options.ts";
import { defineCommand } from "../command.ts";
import { parseListenAddress } from "../options/listen-address.ts";
import { listeningOptions } from "../options/listening-flags.ts";
import type { Options, OptionValues } from "../options/option.ts";
import { openKeyService } from "../open/keys-elsewhere.ts";
import { type SettingFiles, unknownVariableLine } from "../open/setting-sources.ts";
import { loadSignerSettings, type LoadedSignerSettings } from "../open/signer-storage.ts";
import { keyStorageOptions } from "../options/storage-flags.ts";
import { foregroundLog, keyWarning, serveUntilStopped, warnIgnored } from "../serving/in-foreground.ts";
import { version } from "../version-line.ts";

const options = {
  ...keyStorageOptions,
  ...listeningOptions,
  "client-ca": {
    kind: "text",
    value: "file",
    complete: "file",
    help: "Certificate authorities of the trust servers, PEM",
  },
  caller: {
    kind: "list",
    value: "name",
    help: "Accept only certificates with this common name, DNS name or URI; may be repeated",
  },
  "log-level": {
    kind: "text",
    value: "level",
    complete: ["debug", "info", "warning", "error"],
    help: "debug, info, warning or error",
  },
} as const satisfies Options;

/** `tagseal signer`: holds the keys of trust servers in a separate process. */
export const command = defineCommand(
  {
    path: "signer",
    usage: "--listen HOST:PORT --data DIR --tls-cert FILE --tls-key FILE --client-ca FILE",
    summary: "Run a signer for trust servers",
    description: [
      "Creates and uses the snapshot and timestamp keys of trust servers in a separate process, usually on a separate machine: an attacker who takes over a server then has no keys. It speaks the protocol of notary-signer, so both 'tagseal server' and notary-server can use it.",
      "It answers only callers with a certificate from --client-ca. Each key is stored encrypted under a passphrase that has a name (alias).",
      "Settings can also come from the file given with --config, for example a signer-config.json of Notary, or from variables: TAGSEAL_SIGNER_ and the setting's name.",
      "The subcommands work on the keys: 'tagseal signer backup' copies them, 'tagseal signer import' moves a server's keys to the signer or back, and 'tagseal signer rekey' re-encrypts all keys under another passphrase.",
    ],
    options,
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "run a signer for trust servers with a certificate from servers.crt",
        line: "tagseal signer --listen 0.0.0.0:7899 --data /var/lib/tagseal-signer --tls-cert signer.crt --tls-key signer.key --client-ca servers.crt",
      },
    ],
    environment: [
      ["TAGSEAL_SIGNER_…", "one setting each; with _FILE at the end, the path of a file with the value"],
      ["TAGSEAL_TOKEN_PIN", "PIN of the token that keys.store names; TAGSEAL_TOKEN_PIN_FILE: a file with it"],
      ["TAGSEAL_SIGNER_PASSPHRASE", "encrypts new keys; when unset, the first start creates a passphrase file in DIR"],
      ["NOTARY_SIGNER_<ALIAS>", "the passphrase of this alias, as with notary-signer"],
    ],
    endsOnSignal: true,
  },
  async ({ options: given }, io) => {
    const log = foregroundLog(io);
    const loaded = await loadSignerSettings(given, io, flagsOf(given), {
      onUnknown: (unknown) => log(unknownVariableLine(unknown)),
    });
    const { startSigner } = await import("../../server/signer/start-signer.ts");
    const configured = await configuredBy(loaded);
    warnIgnored(loaded.settings, log);
    const keyService = await openKeyService(loaded, (warning) => log(keyWarning(warning)));
    const running = await startSigner({ ...configured, keyService, version, log, now: io.now });
    return await serveUntilStopped(running, io, log);
  },
);

function flagsOf(given: OptionValues<typeof options>): SettingFiles["flags"] {
  return [
    { flag: "--listen", setting: "server.grpc_addr", value: given.listen },
    { flag: "--tls-cert", setting: "server.tls_cert_file", value: given["tls-cert"] },
    { flag: "--tls-key", setting: "server.tls_key_file", value: given["tls-key"] },
    { flag: "--client-ca", setting: "server.client_ca_file", value: given["client-ca"] },
    { flag: "--caller", setting: "server.allowed_callers", value: namesOf(given.caller) },
    { flag: "--log-level", setting: "logging.level", value: given["log-level"] },
  ];
}

async function configuredBy({ settings, env, secretFiles }: LoadedSignerSettings): Promise<SignerOptions> {
  const address = settings.text("server.grpc_addr");
  if (address === undefined) throw missing("listen");
  const { configuredKeys, configuredSigner } = await import("../../server/configuration/signer-configuration.ts");
  const { dataDir, database, sqlLimits, passphrases } = configuredKeys(settings, env);
  if (dataDir === undefined && database === undefined) throw missing("data");
  return {
    ...configuredSigner(settings),
    secretFiles,
    ...parseListenAddress(address),
    metrics: metricsAddress(settings.text("metrics.http_addr")),
    dataDir,
    database,
    sqlLimits,
    passphrases,
  };
}

function namesOf(callers: readonly string[]): string | undefined {
  return callers.length === 0 ? undefined : callers.join(",");
}

/** Metrics have no authentication: without a host they are served to this machine only. */
function metricsAddress(text: string | undefined): ReturnType<typeof parseListenAddress> | undefined {
  if (text === undefined || text === "") return undefined;
  return parseListenAddress(text.startsWith(":") ? `127.0.0.1${text}` : text);
}

function missing(flag: string): UsageError {
  return new UsageError("USAGE", `--${flag} is required`, {
    hint: "Start it with: tagseal signer --listen HOST:PORT --data DIR --tls-cert FILE --tls-key FILE --client-ca FILE",
  });
}
