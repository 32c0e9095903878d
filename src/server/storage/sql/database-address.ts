/**
 * Where a database is, read from one line of configuration: a URL, or what Notary's configuration files hold (the data source names
 * of Go's MySQL driver, and PostgreSQL URLs).
 */

import { TagsealError } from "../../../errors.ts";
import { tlsOf, tlsParameters, type DatabaseTls } from "./database-tls.ts";

/** One server: a name and a port, or the path of a Unix socket. */
export type DatabaseHost = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** Everything needed to connect. */
export interface DatabaseAddress {
  readonly engine: "postgres" | "mysql";
  /** in the order in which they are tried */
  readonly hosts: readonly [DatabaseHost, ...DatabaseHost[]];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: DatabaseTls;
  /** for messages: without the password */
  readonly display: string;
}

const defaultPorts = { postgres: 5432, mysql: 3306 } as const;

/** Parameters that other drivers of these databases take and that change nothing here: times, encodings and packets are set by Tagseal. */
const withoutMeaning: ReadonlySet<string> = new Set([
  "parseTime",
  "charset",
  "collation",
  "loc",
  "timeout",
  "readTimeout",
  "writeTimeout",
  "maxAllowedPacket",
  "interpolateParams",
  "clientFoundRows",
  "columnsWithAlias",
  "multiStatements",
  "checkConnLiveness",
  "allowNativePasswords",
  "rejectReadOnly",
  "connect_timeout",
  "application_name",
  "binary_parameters",
]);

/** True for a text that names a database server, or tries to; anything else is a file path, which messages may repeat. */
export function isDatabaseUrl(text: string): boolean {
  return urlForm.test(text) || goForm.test(text) || attemptForm.test(text);
}

/** An unknown engine, or a password in front of an @: not a path, and never repeated in messages. */
const attemptForm = /^(?!sqlite3?:|file:)(?:[a-z][\w+.-]*:\/\/|[^./:][^:]*:.*@)/isu;

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…`, `mysql://…` with one host or several, or
 * `user:password@tcp(host:port)/database?tls=…`.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export function parseDatabaseAddress(text: string): DatabaseAddress {
  const parsed = parseUrl(text) ?? parseGoName(text);
  if (parsed === undefined) throw refused("it is neither a URL nor a data source name");
  const { engine, user, database, parameters } = parsed;
  if (database === "") throw refused("it names no database");
  const unknown = [...parameters.keys()].find((name) => !withoutMeaning.has(name) && !tlsParameters.has(name));
  if (unknown !== undefined) throw refused(`its parameter ${unknown} is unknown`);
  const [first, ...others] = parsed.hosts.map((host) => parseHost(host, defaultPorts[engine]));
  if (first === undefined) throw refused("it names no host");
  const hosts = [first, ...others] as const;
  const tls = tlsOf(parameters, isLocal(hosts) || parsed.form === "go" ? "disable" : "verify-full");
  const account = user === undefined ? "" : `${user}@`;
  const display = `${engine}://${account}${parsed.hosts.join(",")}/${database}`;
  return { engine, hosts, user, password: parsed.password, database, tls, display };
}

interface Parsed {
  readonly form: "url" | "go";
  readonly engine: "postgres" | "mysql";
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly hosts: readonly string[];
  readonly database: string;
  readonly parameters: URLSearchParams;
}

const urlForm =
  /^(?<scheme>postgres|postgresql|mysql|mariadb):\/\/(?:(?<account>[^/]*)@)?(?<hosts>[^/?]*)(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/su;

/** Not WHATWG's URL, which supports one host only. */
function parseUrl(text: string): Parsed | undefined {
  const groups = urlForm.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { scheme = "", account, hosts = "", database = "", query = "" } = groups;
  const parameters = new URLSearchParams(query);
  const socket = parameters.get("host") ?? parameters.get("socket");
  for (const name of ["host", "socket"]) parameters.delete(name);
  const [user, password] = account === undefined ? [] : splitOnce(account);
  return {
    form: "url",
    engine: scheme.startsWith("postgres") ? "postgres" : "mysql",
    user: decoded(user),
    password: decoded(password),
    hosts: (hosts === "" ? (socket ?? "") : hosts).split(","),
    database: decoded(database) ?? "",
    parameters,
  };
}

const goForm =
  /^(?:(?<account>.*)@)?(?<network>tcp|unix)\((?<hosts>[^()]*)\)\/(?<database>[^/?]*)(?:\?(?<query>.*))?$/su;

/** The form of Go's MySQL driver. Nothing in it is percent-encoded. */
function parseGoName(text: string): Parsed | undefined {
  const groups = goForm.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { account, hosts = "", database = "", query = "" } = groups;
  const [user, password] = account === undefined ? [] : splitOnce(account);
  const parameters = new URLSearchParams(query);
  return { form: "go", engine: "mysql", user, password, hosts: hosts.split(","), database, parameters };
}

function splitOnce(account: string): [string, string | undefined] {
  const colon = account.indexOf(":");
  return colon === -1 ? [account, undefined] : [account.slice(0, colon), account.slice(colon + 1)];
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw refused("a percent sign in it does not begin an encoded character", cause);
  }
}

function parseHost(text: string, defaultPort: number): DatabaseHost {
  if (text.startsWith("/")) return { socketPath: text };
  const groups = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[^:[\]\s@]+))(?::(?<port>\d{1,5}))?$/iu.exec(text)?.groups;
  const host = groups?.["v6"] ?? groups?.["name"];
  const port = Number(groups?.["port"] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535) throw refused("a host in it is malformed");
  return { host, port };
}

function isLocal(hosts: readonly DatabaseHost[]): boolean {
  return hosts.every((one) => "socketPath" in one || /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/u.test(one.host));
}

/** Never repeats the text: it may hold a password at an unknown place. */
function refused(why: string, cause?: unknown): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot read the address of the database: ${why}`, {
    cause,
    hint: "Write postgres://user:password@host:5432/database or mysql://user:password@host:3306/database; percent-encode special characters in a password.",
  });
}
