/** Where docker's engine is, by docker's own rules: flags, variables, contexts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { dockerSetting } from "../../docker-config/configuration-file.ts";
import type { Environment } from "../../environment/environment.ts";
import { parseOrdinaryJson } from "../../encoding/json.ts";
import { UsageError, systemCode } from "../../errors.ts";
import { type ConnectionFlags, parseConnectionFlags } from "./global-flags.ts";

/** How to reach the engine. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: EngineTls | undefined }
  /** through `docker system dial-stdio`: ssh, named pipes, and whatever else only docker itself knows how to reach */
  | { readonly kind: "stdio"; readonly name: string };

/** TLS material, as PEM text; undefined where docker would use nothing. */
export interface EngineTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** false only where docker's own settings ask for no verification */
  readonly verify: boolean;
}

/** What decides about the address; nothing is read from the process. */
export interface AddressOptions {
  readonly globalArgs: readonly string[];
  readonly env: Environment;
  readonly dockerConfigDir: string;
  /** runs `docker context inspect NAME` and returns what it prints */
  readonly inspectContext: (name: string) => Promise<string>;
}

const defaultSocket = "unix:///var/run/docker.sock";
const defaultPorts = { plain: 2375, tls: 2376 } as const;

/**
 * Finds the engine: `-H`, then `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of config.json, the default socket.
 *
 * @throws UsageError `USAGE` for a host that is none, `FILE_UNREADABLE` for TLS files that were named and cannot be read
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

async function contextAddress(name: string, { inspectContext }: AddressOptions): Promise<EngineAddress> {
  const [context] = listOf(parsed(await inspectContext(name), name));
  const endpoint = member(member(context, "Endpoints"), "docker");
  const host = text(member(endpoint, "Host"));
  if (host === undefined) return { kind: "stdio", name: `context ${name}` };
  const skipVerify = member(endpoint, "SkipTLSVerify") === true;
  const hasTls = listOf(member(member(context, "TLSMaterial"), "docker")).length > 0;
  const directory = text(member(member(context, "Storage"), "TLSPath"));
  return await hostAddress(host, async () => {
    if (!hasTls && !skipVerify) return undefined;
    const files = hasTls && directory !== undefined ? await tlsFiles(join(directory, "docker"), {}) : noTlsFiles;
    return { ...files, verify: !skipVerify };
  });
}

function parsed(output: string, name: string): unknown {
  try {
    return parseOrdinaryJson(output);
  } catch (error) {
    throw new UsageError("USAGE", `docker says nothing useful about the context "${name}"`, { cause: error });
  }
}

async function hostAddress(host: string, tls: () => Promise<EngineTls | undefined>): Promise<EngineAddress> {
  if (host.startsWith("unix://")) {
    return { kind: "unix", path: nonEmpty(host.slice("unix://".length)) ?? defaultSocket.slice("unix://".length) };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(host)?.[1] ?? "tcp";
  if (scheme !== "tcp") return { kind: "stdio", name: host.replace(/\/\/[^/@]*@/, "//") };
  const url = URL.parse(host.replace(/^(?:tcp:\/\/)?/, "http://"));
  if (url === null) throw new UsageError("USAGE", `unable to parse docker host \`${host}\``);
  // docker joins a path to every request; hardly anybody has one, and docker itself can still be asked
  if (url.pathname !== "/") return { kind: "stdio", name: host };
  const settings = await tls();
  const port = /:\d+$/.test(host)
    ? Number(/:(\d+)$/.exec(host)?.[1])
    : settings === undefined
      ? defaultPorts.plain
      : defaultPorts.tls;
  return { kind: "tcp", host: url.hostname.replace(/^\[|\]$/g, ""), port, tls: settings };
}

/** docker's flags and variables about TLS. `DOCKER_TLS_VERIFY` is on with any value but nothing. */
async function settingsTls(
  flags: ConnectionFlags,
  { env, dockerConfigDir }: AddressOptions,
): Promise<EngineTls | undefined> {
  const verify = flags.tlsVerify ?? nonEmpty(env["DOCKER_TLS_VERIFY"]) !== undefined;
  const on = (flags.tls ?? nonEmpty(env["DOCKER_TLS"]) !== undefined) || flags.tlsVerify !== undefined || verify;
  if (!on) return undefined;
  const directory = nonEmpty(env["DOCKER_CERT_PATH"]) ?? dockerConfigDir;
  const { tlsCaFile: ca, tlsCertFile: cert, tlsKeyFile: key } = flags;
  return { ...(await tlsFiles(directory, { ca, cert, key })), verify };
}

type TlsFiles = Omit<EngineTls, "verify">;
const noTlsFiles: TlsFiles = { ca: undefined, cert: undefined, key: undefined };

async function tlsFiles(
  directory: string,
  named: { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined },
): Promise<TlsFiles> {
  const [ca, cert, key] = await Promise.all([
    pemFile(named.ca, join(directory, "ca.pem")),
    pemFile(named.cert, join(directory, "cert.pem")),
    pemFile(named.key, join(directory, "key.pem")),
  ]);
  return { ca, cert, key };
}

/** A file that was named must be there; docker's usual places may be empty. */
async function pemFile(named: string | undefined, usual: string): Promise<string | undefined> {
  const path = named ?? usual;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (named === undefined && systemCode(error) === "ENOENT") return undefined;
    throw new UsageError("FILE_UNREADABLE", `cannot read ${path}`, { cause: error });
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? nonEmpty(value) : undefined;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
