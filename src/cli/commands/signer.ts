import { UsageError } from "../../errors.ts";
import type { SignerSettings } from "../../server/configuration/signer-configuration.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { parseListenAddress } from "../options/listen-address.ts";
import type { Options, OptionValues } from "../options/option.ts";
import {
  configOption,
  type LoadedSettings,
  loadSettings,
  notaryConfigOption,
  unknownVariableLine,
} from "../options/server-configuration.ts";
import { reloadOnSignal } from "../options/reloading.ts";
import { untilAborted } from "../options/until-aborted.ts";
import { version } from "./version-line.ts";

/** Flags about where keys are kept, which the signer shares with the command that looks after them. */
export const keyStorageOptions = {
  config: configOption,
  "notary-config": notaryConfigOption,
  data: { kind: "text", value: "dir", complete: "directory", help: "Where the keys are kept; made when missing" },
  database: { kind: "text", value: "url", help: "Keep the keys in a database: postgres://… or mysql://…" },
} as const satisfies Options;

/** `tagseal signer`: the keys of trust servers in a process of their own. */
export const command = defineCommand(
  {
    path: "signer",
    usage: "--listen HOST:PORT --data DIR --tls-cert FILE --tls-key FILE --client-ca FILE",
    summary: "Run a signer for trust servers",
    description: [
      "Makes and uses the snapshot and timestamp keys of trust servers, in a process, and on a machine, of their own: whoever takes over a server then has no keys. Speaks the protocol of notary-signer, so 'tagseal server' and notary-server both use it.",
      "Answers only callers with a certificate of --client-ca. Keys are kept encrypted, each under a passphrase with a name (alias).",
      "Everything can also stand in the file that --config names, a signer-config.json of Notary for instance, or in variables: TAGSEAL_SIGNER_ and the setting's name.",
      "Below it: 'tagseal signer backup' copies the keys, 'tagseal signer import' moves a server's keys here, or back, 'tagseal signer rekey' moves all of them to another passphrase.",
    ],
    options: {
      ...keyStorageOptions,
      listen: { kind: "text", value: "host:port", help: "Address to listen on; port 0 takes a free one" },
      "tls-cert": { kind: "text", value: "file", complete: "file", help: "Certificate chain, PEM" },
      "tls-key": { kind: "text", value: "file", complete: "file", help: "Private key of the certificate, PEM" },
      "client-ca": { kind: "text", value: "file", complete: "file", help: "Authorities of the trust servers, PEM" },
      caller: {
        kind: "list",
        value: "name",
        help: "Obey only certificates with this common name, DNS name or URI; may be repeated",
      },
      "log-level": {
        kind: "text",
        value: "level",
        complete: ["debug", "info", "warning", "error"],
        help: "debug, info, warning or error",
      },
    },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "for the trust servers that have a certificate of servers.crt",
        line: "tagseal signer --listen 0.0.0.0:7899 --data /var/lib/tagseal-signer --tls-cert signer.crt --tls-key signer.key --client-ca servers.crt",
      },
    ],
    environment: [
      ["TAGSEAL_SIGNER_…", "a setting each; with _FILE at the end, the file that holds it"],
      ["TAGSEAL_SIGNER_PASSPHRASE", "seals new keys; when unset, a file below DIR does, which the first start makes"],
      ["NOTARY_SIGNER_<ALIAS>", "the passphrase of that name, as with notary-signer"],
    ],
    endsOnSignal: true,
  },
  async ({ options }, io) => {
    const log = (line: string): void => {
      io.stderr.write(`${line}\n`);
    };
    const flags = [
      { flag: "--listen", setting: "server.grpc_addr", value: options.listen },
      { flag: "--tls-cert", setting: "server.tls_cert_file", value: options["tls-cert"] },
      { flag: "--tls-key", setting: "server.tls_key_file", value: options["tls-key"] },
      { flag: "--client-ca", setting: "server.client_ca_file", value: options["client-ca"] },
      { flag: "--caller", setting: "server.allowed_callers", value: namesOf(options.caller) },
      { flag: "--log-level", setting: "logging.level", value: options["log-level"] },
    ];
    const { settings, env, secretFiles } = await loadSignerSettings(options, io, flags, {
      onUnknown: (unknown) => log(unknownVariableLine(unknown)),
    });
    const address = settings.text("server.grpc_addr");
    if (address === undefined) throw missing("listen");
    const { configuredKeys, configuredSigner } = await import("../../server/configuration/signer-configuration.ts");
    const { startSigner } = await import("../../server/signer/start-signer.ts");
    const keys = configuredKeys(settings, env);
    if (keys.dataDir === undefined && keys.database === undefined) throw missing("data");
    for (const setting of settings.ignored)
      log(JSON.stringify({ level: "warning", event: "setting ignored", setting }));
    const running = await startSigner({
      ...configuredSigner(settings),
      secretFiles,
      ...parseListenAddress(address),
      metrics: metricsAddress(settings.text("metrics.http_addr")),
      dataDir: keys.dataDir,
      database: keys.database,
      sqlLimits: keys.sqlLimits,
      passphrases: keys.passphrases,
      version,
      log,
      now: io.now,
    });
    const stopReloading = reloadOnSignal(io, running, log);
    await untilAborted(io.signal);
    stopReloading();
    await running.close();
    return 0;
  },
);

function namesOf(callers: readonly string[]): string | undefined {
  return callers.length === 0 ? undefined : callers.join(",");
}

/** Whoever comes through that door shows nothing: without a host it is open to this machine alone. */
function metricsAddress(text: string | undefined): ReturnType<typeof parseListenAddress> | undefined {
  if (text === undefined || text === "") return undefined;
  return parseListenAddress(text.startsWith(":") ? `127.0.0.1${text}` : text);
}

/** The signer's settings, for every command that works on its keys. */
export async function loadSignerSettings(
  options: OptionValues<typeof keyStorageOptions>,
  io: Io,
  flags: Parameters<typeof loadSettings>[1]["flags"] = [],
  told: Pick<Parameters<typeof loadSettings>[1], "onUnknown"> = {},
): Promise<LoadedSettings<SignerSettings extends { text(name: infer Name): unknown } ? Name & string : never>> {
  const { signerSettings, signerVariables } = await import("../../server/configuration/signer-settings.ts");
  const files = { config: options.config, notaryConfig: options["notary-config"], prefixes: signerVariables };
  const storage = [
    { flag: "--data", setting: "server.data_directory", value: options.data },
    { flag: "--database", setting: "storage.db_url", value: options.database },
  ];
  return await loadSettings(signerSettings, { ...files, flags: [...storage, ...flags], ...told }, io);
}

function missing(flag: string): UsageError {
  return new UsageError("USAGE", `--${flag} is required`, {
    hint: "tagseal signer --listen HOST:PORT --data DIR --tls-cert FILE --tls-key FILE --client-ca FILE",
  });
}
