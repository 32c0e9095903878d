/** Whether a gateway refuses what cannot be signed, and whether the engine of this machine accepts that refusal. */
import { randomBytes } from "node:crypto";
import { findOrdinaryJson, jsonMember, type JsonValue } from "../../encoding/json.ts";
import { TagsealError } from "../../errors.ts";
import { loadHostCertificates, registryCertificateDirectories } from "../../docker-config/certificate-directory.ts";
import { maxPemBytes } from "../../docker-config/settings-file.ts";
import type { TlsSettings } from "../../http/client/trusted-roots.ts";
import { HttpClient } from "../../http/client/http-client.ts";
import { pathOfRegistry } from "../../gateway/served-name.ts";
import { inDays } from "../output/days.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir, homeOf } from "../open/directories.ts";
import { isDue } from "../../tuf/expiry.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { checkGatewayEngine } from "./gateway-engine-check.ts";
import { findHostsFile } from "./hosts-file.ts";
import type { ProbedEngine } from "./probed-engines.ts";
import { textOf } from "./text-of.ts";
import { certificateEnd } from "./server-probe.ts";

/** What to ask, and with what. */
export interface GatewayProbe {
  readonly gateway: URL;
  readonly registries: readonly string[];
  /** none: only the gateway itself is asked */
  readonly engine: ProbedEngine | undefined;
  /** where containerd has a directory for each registry */
  readonly hostsDir: string;
}

const patienceMs = 15_000;
const maxBodyBytes = 64 * 1024;
const maxMessageLength = 300;

/** Asks the gateway, then the engine. @throws TagsealError `CANCELLED` */
export async function checkGateway(io: Io, probe: GatewayProbe): Promise<readonly Finding[]> {
  const { gateway } = probe;
  const tls = await trustedBy(io, probe);
  const http = new HttpClient({ tls, timeouts: { patienceMs }, allowPlainHttp: gateway.protocol === "http:" });
  try {
    const findings = await Promise.all(
      probe.registries.map(async (registry) => await checkRegistry(io, http, registry, probe)),
    );
    return [...(await certificate(gateway, tls, io)), ...findings.flat()];
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    return [problem("gateway", error.message, error.hint ?? `curl -v ${gateway.origin}/v2/`)];
  } finally {
    http.close();
  }
}

/** What the commands without an engine trust at the gateway, and what containerd's files for these registries trust. */
async function trustedBy(io: Io, { gateway, registries, engine, hostsDir }: GatewayProbe): Promise<TlsSettings> {
  const tls = await loadHostCertificates(certificateDirectories(io), gateway.host);
  if (engine !== "containerd") return tls;
  const files = await Promise.all(registries.map(async (registry) => await findHostsFile(hostsDir, registry)));
  const named = files.flatMap((file) => file?.authorities ?? []);
  const ca = named.map((path) => textOf(path, maxPemBytes)).filter((text) => text !== "");
  return ca.length === 0 ? tls : { ...tls, ca: [...(tls.ca ?? []), ...ca] };
}

/** Those of docker and of podman, as commands without an engine use both. */
function certificateDirectories(io: Io): string[] {
  return [...registryCertificateDirectories(dockerConfigDir(io), homeOf(io)), "/etc/containers/certs.d"];
}

async function certificate(gateway: URL, tls: TlsSettings, io: Io): Promise<readonly Finding[]> {
  if (gateway.protocol !== "https:") return [];
  const end = await certificateEnd(gateway, tls);
  if (end === undefined || !isDue(end, io.now())) return [];
  return [warning("certificate", `the certificate of ${gateway.origin} expires ${inDays(end, io.now())}`, "renew it")];
}

async function checkRegistry(
  io: Io,
  http: HttpClient,
  registry: string,
  { gateway, engine, hostsDir }: GatewayProbe,
): Promise<readonly Finding[]> {
  const name = randomBytes(6).toString("hex");
  const image = { registry, repository: `tagseal-doctor/${name}`, tag: "unsigned" };
  const path = `${pathOfRegistry(registry)}/${image.repository}/manifests/${image.tag}`;
  const response = await http.request({ method: "GET", url: new URL(`/v2/${path}`, gateway), signal: io.signal });
  const refusal = refusalIn(await response.bytes(maxBodyBytes));
  const own = judge(gateway, registry, response.status, refusal);
  if (own.level !== "ok" || engine === undefined) return [own];
  return [own, ...(await checkGatewayEngine(io, { engine, gateway, image, hostsDir, words: refusal.message }))];
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly reason: string;
}

/** What the first of a registry's errors says; nothing where the answer is not one. */
function refusalIn(body: Uint8Array): Refusal {
  const errors = jsonMember(findOrdinaryJson(body), "errors");
  const error = Array.isArray(errors) ? errors[0] : undefined;
  const detail = jsonMember(error, "detail");
  return {
    code: shown(jsonMember(error, "code")),
    message: shown(jsonMember(error, "message")),
    reason: shown(jsonMember(detail, "reason")),
  };
}

function shown(value: JsonValue | undefined): string {
  return typeof value === "string" ? value.slice(0, maxMessageLength) : "";
}

function judge(gateway: URL, registry: string, status: number, { code, message, reason }: Refusal): Finding {
  const name = `the gateway ${gateway.origin}`;
  if (status === 403 && reason === "NOT_SERVED")
    return problem("gateway", `${name} does not serve ${registry}`, `add --upstream ${registry} where it is started`);
  // an engine is known to show the refusal by these words
  if (status === 403 && code === "DENIED" && message !== "")
    return ok("gateway", `${name} refuses an image of ${registry} that is not signed (${reason || code})`);
  if (status === 401)
    return problem("gateway", `${name} asks for a login`, `docker login ${gateway.host}; the engines need one, too`);
  if (status === 503)
    return problem(
      "gateway",
      `${name} cannot decide about ${registry} now: ${message}`,
      `curl ${gateway.origin}/readyz`,
    );
  if (status === 404 && code === "MANIFEST_UNKNOWN")
    return problem(
      "gateway",
      `${name} asks ${registry} for images that are not signed: its policy does not require a signature`,
      `tagseal policy check ${registry}/tagseal-doctor/any:unsigned, where it runs`,
    );
  return problem("gateway", `${name} answers with ${status}, not as a gateway does`, "tagseal gateway --help");
}
