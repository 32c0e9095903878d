/**
 * Where a database is, as Notary's configuration spells it (`storage.db_url`) or as a URL:
 *
 *     postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…]
 *     [USER[:PASSWORD]@]tcp(HOST[:PORT])/DATABASE[?tls=…]      or unix(PATH)
 *     mysql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?tls=…]
 *     sqlite:PATH, or just a path
 */

import { readFileSync } from "node:fs";
import { UsageError } from "../../errors.ts";

/** How a connection is encrypted. */
export interface DatabaseTls {
  readonly rejectUnauthorized?: boolean;
  /** PEM */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** undefined: as the driver does */
  readonly checkServerIdentity?: () => undefined;
}

/** A database server and a database on it. */
export interface ServerAddress {
  readonly kind: "postgres" | "mysql";
  /** for messages: no password in it */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** instead of host and port */
  readonly socketPath: string | undefined;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** undefined: without TLS */
  readonly tls: DatabaseTls | undefined;
}

/** A database of any kind. */
export type DatabaseAddress = ServerAddress | { readonly kind: "sqlite"; readonly path: string };

/** Passwords where the address has none, by kind. */
export type DatabasePasswords = Readonly<Record<ServerAddress["kind"], string | undefined>>;

/**
 * Reads an address.
 *
 * @throws UsageError `USAGE`; `FILE_UNREADABLE` for TLS files it names
 */
export function parseDatabaseAddress(text: string, passwords: DatabasePasswords): DatabaseAddress {
  if (/^postgres(ql)?:\/\//u.test(text)) return withPassword(postgresAddress(text), passwords);
  if (text.startsWith("mysql://")) return withPassword(mysqlUrlAddress(text), passwords);
  if (/(^|@)(tcp|unix)\(/u.test(text)) return withPassword(goMysqlAddress(text), passwords);
  if (/^[a-z][a-z0-9+.-]*:\/\//u.test(text)) throw unknown(text);
  return { kind: "sqlite", path: text.replace(/^sqlite3?:|^file:/u, "") };
}

function withPassword(address: ServerAddress, passwords: DatabasePasswords): ServerAddress {
  return { ...address, password: address.password ?? passwords[address.kind] };
}

function postgresAddress(text: string): ServerAddress {
  const url = URL.parse(text);
  if (url === null) throw unknown(text);
  const parameters = url.searchParams;
  const host = parameters.get("host") ?? hostOf(url);
  return {
    ...common("postgres", url, 5432),
    host,
    socketPath: host.startsWith("/") ? host : undefined,
    tls: host.startsWith("/") ? undefined : postgresTls(parameters),
  };
}

/** As the reference's driver reads it: encrypted unless told otherwise, verified only when told to. */
function postgresTls(parameters: URLSearchParams): ServerAddress["tls"] {
  const mode = parameters.get("sslmode") ?? "require";
  if (mode === "disable") return undefined;
  const rootFile = parameters.get("sslrootcert");
  const [certFile, keyFile] = [parameters.get("sslcert"), parameters.get("sslkey")];
  const files = {
    ...(rootFile === null ? {} : { ca: readTlsFile(rootFile) }),
    ...(certFile === null ? {} : { cert: readTlsFile(certFile) }),
    ...(keyFile === null ? {} : { key: readTlsFile(keyFile) }),
  };
  if (mode === "verify-full") return files;
  // the name in the certificate is not looked at, who vouches for it is
  if (mode === "verify-ca" || (mode === "require" && rootFile !== null))
    return { ...files, checkServerIdentity: () => undefined };
  if (mode === "require") return { ...files, rejectUnauthorized: false };
  throw new UsageError(
    "USAGE",
    `sslmode ${JSON.stringify(mode)} is not known: disable, require, verify-ca or verify-full`,
  );
}

function mysqlUrlAddress(text: string): ServerAddress {
  const url = URL.parse(text);
  if (url === null) throw unknown(text);
  return { ...common("mysql", url, 3306), socketPath: undefined, tls: mysqlTls(url.searchParams) };
}

/** The last slash and the last @ before it count: passwords may hold either. */
function goMysqlAddress(text: string): ServerAddress {
  const match = /^(?:(.*)@)?(tcp|unix)\(([^()]*)\)\/([^/?]*)(?:\?(.*))?$/su.exec(text);
  if (match === null) throw unknown("a MySQL data source name");
  const [, account = "", network, where = "", database = "", query = ""] = match;
  const [user = "", ...password] = account.split(":");
  const { hostname, port } = network === "tcp" ? hostAndPort(where) : { hostname: "localhost", port: "" };
  return {
    kind: "mysql",
    name: `${network}(${where})/${database}`,
    host: hostname,
    port: Number(port || 3306),
    socketPath: network === "unix" ? where : undefined,
    user,
    password: password.length === 0 ? undefined : password.join(":"),
    database: requireDatabase(decodeURIComponent(database)),
    tls: mysqlTls(new URLSearchParams(query)),
  };
}

function mysqlTls(parameters: URLSearchParams): ServerAddress["tls"] {
  const mode = parameters.get("tls") ?? "false";
  if (mode === "false" || mode === "0") return undefined;
  if (mode === "true" || mode === "1") return {};
  if (mode === "skip-verify" || mode === "preferred") return { rejectUnauthorized: false };
  throw new UsageError("USAGE", `tls=${mode} is not known: true, false or skip-verify`);
}

function common(kind: ServerAddress["kind"], url: URL, defaultPort: number) {
  const database = decodeURIComponent(url.pathname.slice(1));
  return {
    kind,
    name: `${url.protocol}//${url.host}${url.pathname}`,
    host: hostOf(url),
    port: Number(url.port || defaultPort),
    user: decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    database: requireDatabase(database),
  };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/gu, "") || "localhost";
}

function hostAndPort(text: string): { readonly hostname: string; readonly port: string } {
  const url = URL.parse(`mysql://${text}`);
  if (url === null) throw unknown("a MySQL data source name");
  return { hostname: hostOf(url), port: url.port };
}

function requireDatabase(name: string): string {
  if (name !== "") return name;
  throw new UsageError("USAGE", "the database's address does not end in the name of a database");
}

function readTlsFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError("FILE_UNREADABLE", `Cannot read ${path}, which the database's address names`, { cause });
  }
}

/** The address may hold a password: only its beginning is shown. */
function unknown(text: string): UsageError {
  const scheme = /^[a-z0-9+.-]{1,20}(?=:)/u.exec(text)?.[0];
  return new UsageError(
    "USAGE",
    `${scheme === undefined ? text.slice(0, 30) : `${scheme}:…`} is no address of a database`,
    {
      hint: "Write postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE, a data source name of Notary's configuration, or the path of an SQLite file.",
    },
  );
}
