/** Where docker's engine is, by docker's own rules: flags, variables, contexts. */
import { join } from "node:path";
import { dockerSetting } from "../../docker-config/configuration-file.ts";
import { readContext } from "../../docker-config/context.ts";
import { maxPemBytes, readSettings } from "../../docker-config/settings-file.ts";
import type { Environment } from "../../environment/environment.ts";
import { UsageError } from "../../errors.ts";
import { type ConnectionFlags, parseConnectionFlags } from "./global-flags.ts";

/** How to reach the engine. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: EngineTls | undefined }
  /** through `docker system dial-stdio`: ssh, named pipes, and all other ways that only docker itself knows */
  | { readonly kind: "stdio"; readonly name: string };

/** TLS material, as PEM text; undefined where docker would use nothing. */
export interface EngineTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** false only where docker's own settings ask for no verification */
  readonly verify: boolean;
}

/** Everything that the address depends on; nothing is read from the process. */
export interface AddressOptions {
  readonly globalArgs: readonly string[];
  readonly env: Environment;
  readonly dockerConfigDir: string;
}

const defaultSocket = "unix:///var/run/docker.sock";
const defaultPorts = { plain: 2375, tls: 2376 } as const;

/**
 * Finds the engine: `-H`, then `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of config.json, the default socket.
 *
 * @throws UsageError `USAGE` for an invalid host or context, `FILE_UNREADABLE` for TLS files and settings that cannot be read
 */
export async function findEngineAddress(options: AddressOptions): Promise<EngineAddress> {
  const flags = parseConnectionFlags(options.globalArgs);
  const context = await contextName(flags, options);
  if (context !== undefined && context !== "default") return await contextAddress(context, options);
  const host = flags.host ?? nonEmpty(options.env["DOCKER_HOST"]) ?? defaultSocket;
  return await hostAddress(host, () => settingsTls(flags, options));
}

async function contextName(
  flags: ConnectionFlags,
  { env, dockerConfigDir }: AddressOptions,
): Promise<string | undefined> {
  if (flags.context !== undefined && flags.context !== "") return flags.context;
  if (flags.host !== undefined || nonEmpty(env["DOCKER_HOST"]) !== undefined) return undefined;
  return nonEmpty(env["DOCKER_CONTEXT"]) ?? (await dockerSetting(dockerConfigDir, ["currentContext"]));
}

async function contextAddress(name: string, { dockerConfigDir }: AddressOptions): Promise<EngineAddress> {
  const { host, skipTlsVerify, tlsDirectory } = await readContext(dockerConfigDir, name);
  if (host === undefined) return { kind: "stdio", name: `context ${name}` };
  return await hostAddress(host, async () => {
    const files = tlsFiles(tlsDirectory, {});
    const hasFiles = Object.values(files).some((text) => text !== undefined);
    return hasFiles || skipTlsVerify ? { ...files, verify: !skipTlsVerify } : undefined;
  });
}

async function hostAddress(host: string, tls: () => Promise<EngineTls | undefined>): Promise<EngineAddress> {
  if (host.startsWith("unix://")) {
    return { kind: "unix", path: nonEmpty(host.slice("unix://".length)) ?? defaultSocket.slice("unix://".length) };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(host)?.[1] ?? "tcp";
  if (scheme !== "tcp") return { kind: "stdio", name: host.replace(/\/\/[^/@]*@/, "//") };
  const url = URL.parse(host.replace(/^(?:tcp:\/\/)?/, "http://"));
  if (url === null) throw new UsageError("USAGE", `unable to parse docker host \`${host}\``);
  // docker adds a path to every request; such hosts are rare, and docker itself can still be asked
  if (url.pathname !== "/") return { kind: "stdio", name: host };
  const settings = await tls();
  const port = /:\d+$/.test(host)
    ? Number(/:(\d+)$/.exec(host)?.[1])
    : settings === undefined
      ? defaultPorts.plain
      : defaultPorts.tls;
  return { kind: "tcp", host: url.hostname.replace(/^\[|\]$/g, ""), port, tls: settings };
}

/** docker's flags and variables about TLS. Any non-empty `DOCKER_TLS_VERIFY` turns verification on. */
async function settingsTls(
  flags: ConnectionFlags,
  { env, dockerConfigDir }: AddressOptions,
): Promise<EngineTls | undefined> {
  const verify = flags.tlsVerify ?? nonEmpty(env["DOCKER_TLS_VERIFY"]) !== undefined;
  const on = (flags.tls ?? nonEmpty(env["DOCKER_TLS"]) !== undefined) || flags.tlsVerify !== undefined || verify;
  if (!on) return undefined;
  const directory = nonEmpty(env["DOCKER_CERT_PATH"]) ?? dockerConfigDir;
  const { tlsCaFile: ca, tlsCertFile: cert, tlsKeyFile: key } = flags;
  return { ...tlsFiles(directory, { ca, cert, key }), verify };
}

type TlsFiles = Omit<EngineTls, "verify">;

function tlsFiles(
  directory: string,
  named: { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined },
): TlsFiles {
  return {
    ca: pemFile(named.ca, join(directory, "ca.pem")),
    cert: pemFile(named.cert, join(directory, "cert.pem")),
    key: pemFile(named.key, join(directory, "key.pem")),
  };
}

/** A file that was named must exist; docker's default places may be empty. */
function pemFile(named: string | undefined, usual: string): string | undefined {
  const path = named ?? usual;
  const text = readSettings(path, maxPemBytes);
  if (text === undefined && named !== undefined)
    throw new UsageError("FILE_UNREADABLE", `cannot read ${path}: no such file or directory`);
  return text;
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
