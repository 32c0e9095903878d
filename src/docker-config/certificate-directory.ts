/** Certificates for one host, in docker's layout: `<directory>/<host:port>/*.crt` are CAs, `X.cert` with `X.key` a client certificate. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import { isErrno } from "../files/system-error.ts";
import { denied, maxPemBytes, readSettings } from "./settings-file.ts";

/** The TLS settings in the files of a host. */
export interface HostCertificates {
  /** PEM certificates trusted in addition to the system's */
  readonly ca?: readonly string[];
  /** PEM client certificate chain, with `key` */
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Loads the TLS settings for a host from several directories: CAs add up, the first client certificate wins.
 *
 * @param directories such as `/etc/docker/certs.d`, `$DOCKER_CONFIG/certs.d`, or `$DOCKER_CONFIG/tls` for trust servers
 * @param host as in the URL or reference: `host` or `host:port`
 * @throws UsageError `FILE_UNREADABLE` for files that cannot be read and for a `.cert` without its `.key` (or the reverse)
 */
export async function loadHostCertificates(directories: readonly string[], host: string): Promise<HostCertificates> {
  // a host is a path component here
  if (host === "" || host === "." || host === ".." || /[/\\\0]/.test(host)) return {};
  return loadCertificates(directories.map((directory) => join(directory, host)));
}

/** Loads the TLS settings from directories that belong to one host. @throws UsageError `FILE_UNREADABLE` */
export function loadCertificates(directories: readonly string[]): HostCertificates {
  const ca: string[] = [];
  let client: { cert: string; key: string } | undefined;
  for (const path of directories) {
    const names = list(path);
    for (const name of names.filter((entry) => entry.endsWith(".crt"))) ca.push(read(join(path, name)));
    client ??= loadClientCertificate(path, names);
  }
  return { ...(ca.length > 0 ? { ca } : {}), ...client };
}

/** Docker's directories for a registry's certificates: the machine's, then the user's. */
export function registryCertificateDirectories(dockerConfigDir: string, home: string | undefined): string[] {
  const own = home === undefined ? [] : [join(home, ".config", "docker", "certs.d")];
  return ["/etc/docker/certs.d", ...own, join(dockerConfigDir, "certs.d")];
}

function loadClientCertificate(path: string, names: readonly string[]): { cert: string; key: string } | undefined {
  const stems = (ending: string): string[] =>
    names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length));
  const keys = new Set(stems(".key"));
  const certs = stems(".cert");
  const lonely = [...certs.filter((stem) => !keys.has(stem)), ...[...keys].filter((stem) => !certs.includes(stem))][0];
  if (lonely !== undefined) {
    throw new UsageError("FILE_UNREADABLE", `${path} holds only one of ${lonely}.cert and ${lonely}.key`, {
      hint: "Add the other one: client certificates need both. CA certificates are named *.crt.",
    });
  }
  const [stem] = certs;
  if (stem === undefined) return undefined;
  return { cert: read(join(path, `${stem}.cert`)), key: read(join(path, `${stem}.key`)) };
}

function list(path: string): string[] {
  try {
    return readdirSync(path).toSorted();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw denied(path, error);
  }
}

/** A broken link is an error: it was meant to be a certificate. */
function read(path: string): string {
  const text = readSettings(path, maxPemBytes);
  if (text !== undefined) return text;
  throw new UsageError("FILE_UNREADABLE", `cannot read ${path}: no such file or directory`);
}
