/** Whether the trust servers answer, and how long their certificates last. */
import { join } from "node:path";
import { NetworkError, TagsealError } from "../../errors.ts";
import { loadHostCertificates } from "../../docker-config/certificate-directory.ts";
import { proxyFor } from "../../http/client/proxy.ts";
import type { TlsSettings } from "../../http/client/trusted-roots.ts";
import { clockDifference } from "../../trust/reading/clock-difference.ts";
import { trustServerUrl } from "../../trust/trust-server/server-url.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { isDue } from "../../tuf/expiry.ts";
import { inDays } from "../output/days.ts";
import { type Finding, ok, problem, shellPath, warning } from "./finding.ts";
import { certificateEnd, ping, statusOf } from "./server-probe.ts";

/** As many as fit on a screen; further servers are those of further registries. */
const maxServers = 6;

/**
 * Asks every trust server that is configured, or that has collections trusted here.
 *
 * @param guns collections with trust data on this machine
 */
export async function checkServers(io: Io, guns: readonly string[]): Promise<readonly Finding[]> {
  try {
    const servers = serversFor(io, guns);
    if (servers.length === 0) return [ok("server", "no trust server was used from here yet")];
    const findings = await Promise.all(servers.slice(0, maxServers).map(async (url) => await judge(new URL(url), io)));
    return findings.flat();
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    const message = `${error.message}${await howItAnswersPlainly(io)}`;
    return [problem("server", message, "export DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]")];
  }
}

/** The variable may name a server that speaks HTTP: then also show whether it requires a login. */
async function howItAnswersPlainly(io: Io): Promise<string> {
  const url = URL.parse(io.env["DOCKER_CONTENT_TRUST_SERVER"] ?? "");
  if (url?.protocol !== "http:") return "";
  const status = await statusOf(url, {}, io).catch(() => undefined);
  if (status === undefined) return "";
  return `; it speaks plain HTTP${status === 200 ? ", and answers all clients without a login" : ""}`;
}

function serversFor({ env }: Io, guns: readonly string[]): string[] {
  const configured = env["DOCKER_CONTENT_TRUST_SERVER"];
  const registries = guns.map((gun) => gun.split("/", 1)[0] ?? gun);
  const asked = configured === undefined || configured === "" ? registries : ["docker.io"];
  const urls = asked.map((registry) =>
    trustServerUrl({ registry, repository: "any", tag: undefined, digest: undefined }, { env }),
  );
  return [...new Set(urls)];
}

async function judge(url: URL, io: Io): Promise<readonly Finding[]> {
  const name = url.href.replace(/\/$/u, "");
  const directory = join(dockerConfigDir(io), "tls");
  let tls: TlsSettings;
  let status: number;
  let serverClock: Date | undefined;
  try {
    tls = await loadHostCertificates([directory], url.host);
    ({ status, clock: serverClock } = await ping(url, tls, io));
    if (status !== 200 && status !== 401) {
      return [
        problem(
          "server",
          `${name} answers with ${status}, not as a trust server does`,
          "export DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]",
        ),
      ];
    }
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    const plainly = await judgePlain(url, name, io);
    return [plainly ?? unreachable(error, shellPath(join(directory, url.host), io.env["HOME"]))];
  }
  const logins = await judgeLogins(url, name, { status, tls }, io);
  const certificate = await judgeCertificate(url, name, tls, io);
  return [ok("server", `${name} answers`), ...logins, ...certificate, ...judgeClock(name, serverClock, io)];
}

/** Either clock may be wrong; a wrong one makes signed files expire early, or never. */
function judgeClock(name: string, serverClock: Date | undefined, io: Io): readonly Finding[] {
  const difference = serverClock === undefined ? undefined : clockDifference(io.now(), serverClock);
  if (difference === undefined) return [];
  return [
    warning(
      "clock",
      `this ${difference} (${name})`,
      "date --utc; set the wrong clock right, or ask the operator of the server to",
    ),
  ];
}

/** A server without TLS may speak HTTP. */
async function judgePlain(url: URL, name: string, io: Io): Promise<Finding | undefined> {
  const plain = new URL(url.href.replace(/^https:/u, "http:"));
  if (plain.port === "") plain.port = "443";
  const status = await statusOf(plain, {}, io).catch(() => undefined);
  if (status !== 200 && status !== 401) return undefined;
  const logins = status === 200 ? ", and answers all clients without a login" : "";
  const fix = "give the server a certificate (--tls-cert, --tls-key), or put a proxy that speaks TLS in front of it";
  return problem("server", `${name} speaks plain HTTP, which no client takes${logins}`, fix);
}

/** Access with a client certificate shows nothing about clients without one. */
async function judgeLogins(
  url: URL,
  name: string,
  { status, tls }: { readonly status: number; readonly tls: TlsSettings },
  io: Io,
): Promise<readonly Finding[]> {
  const { cert, key, ...withoutCertificate } = tls;
  const isKnown = cert !== undefined || key !== undefined;
  const anonymous = isKnown ? await statusOf(url, withoutCertificate, io).catch(() => undefined) : status;
  if (anonymous !== 200) return [];
  const message = `${name} answers all clients without a login: unless a proxy in front of it asks, every client that reaches it may publish and delete`;
  return [warning("server", message, "set auth.htpasswd, auth.type or auth.client_ca_file on the server")];
}

function unreachable(error: TagsealError, directory: string): Finding {
  if (error.code === "TLS_UNTRUSTED") {
    return problem("certificate", error.message, `mkdir -p ${directory} && cp CA.crt ${directory}/ca.crt`);
  }
  if (!(error instanceof NetworkError)) return problem("server", error.message, `ls -l ${directory}`);
  return problem("server", error.message, "export DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]");
}

async function judgeCertificate(url: URL, name: string, tls: TlsSettings, io: Io): Promise<readonly Finding[]> {
  // Through a proxy this would need another connection; the certificate was verified already.
  if (proxyFor(url, io.env) !== undefined) return [];
  const notAfter = await certificateEnd(url, tls);
  if (notAfter === undefined || !isDue(notAfter, io.now())) return [];
  const message = `the certificate of ${name} expires ${inDays(notAfter, io.now())}`;
  return [warning("certificate", message, "renew it on the server; one of Notary must be restarted then")];
}
