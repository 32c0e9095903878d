/** Turns settings into the options of the server. */

import type { Environment } from "../../environment/environment.ts";
import { TagsealError } from "../../errors.ts";
import type { TokenSettings, UserFrom } from "../../login/login-settings.ts";
import type { AccessRule, AuthSettings } from "../auth/auth-settings.ts";
import { defaultLifetimes, type Lifetimes, referenceLifetimes } from "../freshness/lifetimes.ts";
import { type ChangeableOptions, defaultCacheAges, defaultLimits, type ServerOptions } from "../run/server-options.ts";
import { logLevelOf } from "./log-level.ts";
import { usageLimits } from "./limit-settings.ts";
import { sqlLimits } from "./sql-limits.ts";
import { signerPassphrases } from "./passphrase-variables.ts";
import type { serverSettings } from "./server-settings.ts";
import type { Settings } from "./settings.ts";
import { durationMs } from "./setting-values.ts";

/** The settings of a server. */
export type ServerSettings = Settings<keyof typeof serverSettings>;

/** The options that settings decide; the address, the clock and the log come from the caller. */
export type ConfiguredServer = Omit<ServerOptions, "host" | "port" | "now" | "log">;

/**
 * Turns settings into options. Files are not read here.
 *
 * @param env for the signer's passphrases, which are not in the configuration file
 * @throws TagsealError `SERVER_CONFIGURATION` for settings that contradict each other
 */
export function configuredServer(settings: ServerSettings, env: Environment): ConfiguredServer {
  const day = 86_400_000;
  const isKept = settings.boolean("retention.enabled") === false;
  const retentionDays = settings.number("retention.days");
  return {
    dataDir: settings.text("server.data_directory"),
    tls: pairOf(settings, "server.tls_cert_file", "server.tls_key_file"),
    ...storage(settings),
    ...signer(settings, env),
    auth: auth(settings),
    ...changeableServer(settings),
    gunPrefixes: settings.list("repositories.gun_prefixes"),
    trustedProxies: settings.list("server.trusted_proxies"),
    cacheAges: {
      current: settings.number("caching.max_age.current_metadata") ?? defaultCacheAges.current,
      consistent: settings.number("caching.max_age.consistent_metadata") ?? defaultCacheAges.consistent,
    },
    lifetimes: lifetimes(settings),
    keepVersionsMs: isKept ? Number.POSITIVE_INFINITY : retentionDays === undefined ? undefined : retentionDays * day,
    limits: limits(settings),
    logLevel: logLevelOf(settings.text("logging.level")),
  };
}

/**
 * The options a running server takes from its settings when it reads them again.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export function changeableServer(settings: ServerSettings): ChangeableOptions {
  return {
    readOnly: settings.boolean("server.read_only"),
    usageLimits: usageLimits(settings.json("repositories.limits")),
  };
}

function pairOf(
  settings: ServerSettings,
  certificate: keyof typeof serverSettings,
  key: keyof typeof serverSettings,
): { readonly certFile: string; readonly keyFile: string } | undefined {
  const [certFile, keyFile] = [settings.text(certificate), settings.text(key)];
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined)
    throw contradiction(`${certificate} and ${key} go together: one of them is missing`);
  return { certFile, keyFile };
}

const embedded: ReadonlySet<string> = new Set(["sqlite", "sqlite3", "memory"]);

function storage(
  settings: ServerSettings,
): Pick<ConfiguredServer, "database" | "cacheMaxAgeMs" | "signerDatabase" | "sqlLimits"> {
  const backend = settings.text("storage.backend");
  const url = settings.text("storage.db_url");
  if (backend !== undefined && !embedded.has(backend) && url === undefined)
    throw contradiction(`storage.backend is ${backend}, and storage.db_url does not say where that is`);
  const isEmbedded = backend !== undefined && embedded.has(backend);
  return {
    // Notary's MySQL addresses do not name MySQL: the backend does
    database: isEmbedded || url === undefined ? undefined : withScheme(url, backend),
    sqlLimits: sqlLimits(settings.number("storage.max_connections")),
    cacheMaxAgeMs: settings.number("storage.cache_max_age"),
    signerDatabase: settings.text("trust_service.db_url"),
  };
}

function withScheme(url: string, backend: string | undefined): string {
  return backend === "postgres" && !url.includes("://") ? `postgres://${url}` : url;
}

function signer(
  settings: ServerSettings,
  env: Environment,
): Pick<ConfiguredServer, "remoteSigner" | "signerPassphrases" | "maxPendingServedKeys"> {
  if (settings.text("trust_service.type") !== "remote") {
    const passphrases = signerPassphrases(env, settings.text("trust_service.default_alias"));
    return { signerPassphrases: passphrases, maxPendingServedKeys: settings.number("keys.max_pending") };
  }
  const [ours] = settings.given("keys.store", "keys.max_pending");
  if (ours !== undefined) throw contradiction(`trust_service.type is remote: set ${ours} for that signer instead`);
  const [host, port] = [settings.text("trust_service.hostname"), Number(settings.text("trust_service.port") ?? 7899)];
  if (host === undefined) throw contradiction("trust_service.type is remote, and trust_service.hostname is missing");
  if (!Number.isSafeInteger(port) || port < 1 || port > 65_535)
    throw contradiction("trust_service.port must be a port, from 1 to 65535");
  const algorithm = settings.text("trust_service.key_algorithm");
  const maxPendingKeys = settings.number("trust_service.max_pending_keys");
  const certificate = pairOf(settings, "trust_service.tls_client_cert", "trust_service.tls_client_key");
  if (certificate === undefined)
    throw contradiction(
      "trust_service.type is remote, and trust_service.tls_client_cert is missing: signers demand one",
    );
  if (algorithm === "rsa") throw contradiction("trust_service.key_algorithm is rsa, which no signer makes keys of");
  return {
    remoteSigner: {
      host,
      port,
      caFile: settings.text("trust_service.tls_ca_file"),
      ...certificate,
      algorithm: algorithm === "ed25519" ? "ed25519" : "ecdsa",
      ...(maxPendingKeys === undefined ? {} : { maxPendingKeys }),
    },
  };
}

function auth(settings: ServerSettings): AuthSettings | undefined {
  const methods = {
    token: settings.text("auth.type") === "token" ? tokens(settings) : undefined,
    basic: passwords(settings),
    mtls: clientCertificates(settings),
  };
  const requirements = {
    anonymousPull: settings.boolean("auth.anonymous_pull"),
    protectMonitoring: settings.boolean("auth.protect_monitoring"),
    // both are checked, member by member, where they are used
    rules: (settings.json("auth.rules") ?? rulesFor(settings)) as readonly AccessRule[] | undefined,
    groups: settings.json("auth.groups") as AuthSettings["groups"],
  };
  requireCompanions(settings);
  // An authentication setting without effect must not open the server: opening this value refuses it.
  const isAny = settings.mentions("auth") || methods.mtls !== undefined;
  return isAny ? { ...methods, ...requirements } : undefined;
}

type Name = keyof typeof serverSettings;

/** Settings with an effect only together with another one. Alone they would suggest protection that does not exist. */
const companions: readonly (readonly [Name, readonly Name[]])[] = [
  [
    "auth.type",
    [
      "auth.options.realm",
      "auth.options.service",
      "auth.options.issuer",
      "auth.options.rootcertbundle",
      "auth.options.jwks",
      "auth.restricted_by_rules",
    ],
  ],
  ["auth.htpasswd", ["auth.htpasswd_realm", "auth.token_realm", "auth.token_key_file"]],
  ["auth.client_ca_file", ["auth.client_certificate_required", "auth.user_from"]],
  ["keys.store", ["keys.max_pending"]],
  [
    "trust_service.type",
    [
      "trust_service.hostname",
      "trust_service.tls_ca_file",
      "trust_service.tls_client_cert",
      "trust_service.tls_client_key",
      "trust_service.max_pending_keys",
    ],
  ],
];

function requireCompanions(settings: ServerSettings): void {
  for (const [leader, followers] of companions) {
    const isLed = settings.given(leader).length > 0 || (leader === "auth.client_ca_file" && hasDoor(settings));
    const [alone] = settings.given(...followers);
    if (!isLed && alone !== undefined)
      throw contradiction(`${alone} means nothing without ${leader}, which is missing`);
  }
  if (hasDoor(settings) && settings.given("auth.client_ca_file").length > 0)
    throw contradiction("server.client_ca_file and auth.client_ca_file are two answers to one question: give one");
}

/** As in Notary: any client with a certificate is admitted, whatever its name. */
function hasDoor(settings: ServerSettings): boolean {
  return settings.text("server.client_ca_file") !== undefined;
}

/** The user is known from something other than a certificate. */
function hasLogins(settings: ServerSettings): boolean {
  return settings.text("auth.type") !== undefined || settings.text("auth.htpasswd") !== undefined;
}

function tokens(settings: ServerSettings): TokenSettings {
  const required = (name: "auth.options.realm" | "auth.options.service" | "auth.options.issuer"): string => {
    const value = settings.text(name);
    if (value === undefined || value === "") throw contradiction(`auth.type is token, and ${name} is missing`);
    return value;
  };
  return {
    realm: required("auth.options.realm"),
    service: required("auth.options.service"),
    issuer: required("auth.options.issuer"),
    rootcertbundle: settings.text("auth.options.rootcertbundle"),
    jwks: settings.text("auth.options.jwks"),
    restrictedByRules: settings.boolean("auth.restricted_by_rules"),
  };
}

function passwords(settings: ServerSettings): AuthSettings["basic"] {
  const htpasswd = settings.text("auth.htpasswd");
  if (htpasswd === undefined) return undefined;
  return {
    htpasswd,
    realm: settings.text("auth.htpasswd_realm"),
    tokenRealm: settings.text("auth.token_realm"),
    tokenKeyFile: settings.text("auth.token_key_file"),
  };
}

/** Notary's `client_ca_file` requires a certificate of every client and ignores the name in it. */
function clientCertificates(settings: ServerSettings): AuthSettings["mtls"] {
  const everybody = settings.text("server.client_ca_file");
  const caFile = settings.text("auth.client_ca_file") ?? everybody;
  if (caFile === undefined) return undefined;
  const required = everybody !== undefined || settings.boolean("auth.client_certificate_required") === true;
  const named = settings.text("auth.user_from") as UserFrom | undefined; // one of the table's values
  // A certificate that only admits the connection is no login when other logins exist: its holder would not need a password or token.
  const isDoorOnly = everybody !== undefined && hasLogins(settings);
  return { caFile, required, userFrom: named ?? (isDoorOnly ? "nobody" : undefined) };
}

/** When certificates only admit connections, every admitted client has the same rights. */
function rulesFor(settings: ServerSettings): readonly AccessRule[] | undefined {
  return hasDoor(settings) && !hasLogins(settings) ? [{ prefix: "*", users: ["*"], actions: ["*"] }] : undefined;
}

function lifetimes(settings: ServerSettings): Lifetimes {
  return {
    timestampMs: lifetime(settings, "freshness.timestamp_lifetime", "timestampMs"),
    snapshotMs: lifetime(settings, "freshness.snapshot_lifetime", "snapshotMs"),
  };
}

/** With less, small clock differences would make fresh files look expired. */
const minLifetimeMs = 600_000;

function lifetime(
  settings: ServerSettings,
  name: "freshness.timestamp_lifetime" | "freshness.snapshot_lifetime",
  role: keyof Lifetimes,
): number {
  const text = settings.text(name);
  if (text === undefined) return defaultLifetimes[role];
  if (text === "reference") return referenceLifetimes[role];
  const ms = durationMs(text);
  if (ms === undefined || ms < minLifetimeMs)
    throw contradiction(`${name} must be a duration of ten minutes or more, such as 24h, or reference`);
  return ms;
}

function limits(settings: ServerSettings): ServerOptions["limits"] {
  return {
    maxBytes: settings.number("limits.max_upload_bytes") ?? defaultLimits.maxBytes,
    maxCacheBytes: settings.number("limits.max_cache_bytes") ?? defaultLimits.maxCacheBytes,
    maxConnections: settings.number("limits.max_connections") ?? defaultLimits.maxConnections,
    maxConnectionsPerClient:
      settings.number("limits.max_connections_per_client") ?? defaultLimits.maxConnectionsPerClient,
    responseTimeoutMs: settings.number("limits.response_timeout") ?? defaultLimits.responseTimeoutMs,
    minBytesPerSecond: settings.number("limits.min_bytes_per_second") ?? defaultLimits.minBytesPerSecond,
    maxProposals: settings.number("limits.proposals_per_repository") ?? defaultLimits.maxProposals,
    maxProposalBytes: settings.number("limits.max_proposal_bytes") ?? defaultLimits.maxProposalBytes,
    proposalLifetimeMs: settings.number("limits.proposal_lifetime") ?? defaultLimits.proposalLifetimeMs,
    readsPerMinute: settings.number("limits.reads_per_minute"),
    uploadsPerMinute: settings.number("limits.uploads_per_minute"),
    keyRequestsPerMinute: settings.number("limits.key_requests_per_minute") ?? defaultLimits.keyRequestsPerMinute,
  };
}

function contradiction(reason: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use the configuration: ${reason}`);
}
