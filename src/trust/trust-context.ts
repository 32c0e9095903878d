/**
 * The use cases of content trust: verify, list, inspect, sign, revoke, signers, initialise, rotate. Each takes a {@link TrustContext}
 * and works on one collection of one trust server. Nothing here touches a terminal or the process: what the user should see
 * is sent as a `TrustEvent`, keys come from a `KeyStore`, the time from `now`.
 */

import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";
import { KeyStoreError } from "../errors.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { OrderedKeyStores } from "../keys/ordered-key-stores.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { gunOf, type ImageReference } from "../reference/image-reference.ts";
import { Authenticator } from "../registry/authentication.ts";
import { loadHostCertificates } from "../registry/certificate-directory.ts";
import type { CredentialSource } from "../registry/credentials.ts";
import type { HttpClient, Timeouts } from "../http/client/http-client.ts";
import { HttpClients } from "../http/client/http-clients.ts";
import type { TrustPinning } from "../tuf/updater.ts";
import { explainShutdown } from "./docker-hub.ts";
import { lazyKeyStore } from "./lazy-key-store.ts";
import { FileMetadataCache } from "./metadata-cache.ts";
import type { TrustCache, TrustRepository } from "./ports.ts";
import { trustServerUrl } from "./server-url.ts";
import type { TrustEventHandler } from "./trust-event.ts";
import { type AuthorisedRequest, type TrustServerAccess, TrustServerClient } from "./trust-server-client.ts";

/** Everything a use case needs to work on one collection. Close it when done. */
export interface TrustContext {
  /** the collection: `docker.io/library/alpine` */
  readonly gun: string;
  /** where its trust data is read and published */
  readonly repository: TrustRepository;
  /** what this machine already trusts; shared by processes */
  readonly cache: TrustCache;
  readonly keys: KeyStore;
  readonly now: () => Date;
  readonly notify: TrustEventHandler;
  readonly pinning?: TrustPinning;
  /** refuse a timestamp that was signed longer ago than this; 0: the server must answer */
  readonly maxStalenessMs?: number;
  /** the trust server's lifetime of timestamps; the usual ones when omitted */
  readonly timestampLifetimeMs?: number;
  /** refuse what cannot be cached, instead of warning: without a cache each use is a first use, and a rollback is not noticed */
  readonly mustRemember?: boolean;
  /** Runs work while no other process of this machine publishes to the collection, if possible. An optimisation, not a guarantee. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Counts changes that another tool (docker, notary) staged here for its next publish. */
  stagedChanges(): Promise<number>;
  /** aborts the current operation with `CANCELLED` */
  readonly signal?: AbortSignal;
  /** releases connections, unless they are shared */
  close(): void;
}

/** The settings of {@link openTrustContext}; nothing is read from the process. */
export interface OpenTrustContextOptions {
  readonly reference: ImageReference;
  /** `$DOCKER_CONFIG`, usually `~/.docker` */
  readonly dockerConfigDir: string;
  /** the environment: server, proxies, and the variables of credential helpers */
  readonly env: Environment;
  /** instead of the trust server that `reference` and `env` name; then no login is asked for */
  readonly repository?: TrustRepository;
  /** instead of docker's `trust/tuf` */
  readonly cache?: TrustCache;
  /** connections to share with other contexts and registries, which the caller closes; separate ones when absent */
  readonly connections?: HttpClients;
  /** instead of docker's logins */
  readonly credentials?: CredentialSource;
  /** the command that logs in, for hints; `docker login` when absent */
  readonly login?: string;
  /** used when a key must be unlocked or made; without it encrypted keys stay locked */
  readonly passphrases?: PassphraseSource;
  /** instead of docker's `trust/private`: a key store, or several in order; the first that holds a key signs, the first that can make one makes it */
  readonly keys?: KeyStore | readonly KeyStore[];
  /** the rights of the server's token: `read` (default) pulls, `write` also pushes, `admin` rotates and deletes */
  readonly access?: TrustServerAccess;
  readonly notify?: TrustEventHandler;
  readonly now?: () => Date;
  /** which roots are acceptable at first contact; without it the first one is trusted */
  readonly pinning?: TrustPinning;
  /** refuse a timestamp that was signed longer ago than this; 0: the server must answer */
  readonly maxStalenessMs?: number;
  /** the trust server's lifetime of timestamps; the usual ones when omitted */
  readonly timestampLifetimeMs?: number;
  /** refuse what cannot be cached because the trust directory is not writable; default false: a warning */
  readonly mustRemember?: boolean;
  /** also accept a trust server on plain http, on loopback only */
  readonly allowPlainHttpLoopback?: boolean;
  readonly userAgent?: string;
  readonly timeouts?: Timeouts;
  readonly signal?: AbortSignal;
}

/**
 * Opens the collection of an image reference, as docker's files and environment describe it. Sends no request yet.
 *
 * The server's certificate is always verified, also for images of a registry on localhost, where docker does not: an attacker on the way
 * to the server could otherwise choose the root that is trusted on first use.
 *
 * @throws UsageError `TRUST_SERVER_URL_INVALID`, `FILE_UNREADABLE` (TLS files)
 * @see Notary v1: names, servers, TLS
 */
export async function openTrustContext(options: OpenTrustContextOptions): Promise<TrustContext> {
  const { reference, dockerConfigDir, now = () => new Date(), notify = () => undefined, signal } = options;
  const gun = gunOf(reference);
  const trustDirectory = join(dockerConfigDir, "trust");
  const cache = options.cache ?? new FileMetadataCache({ trustDirectory, gun, now });
  const connections = options.connections ?? new HttpClients();
  return {
    gun,
    repository: options.repository ?? (await serverClient(options, gun, connections)),
    cache,
    keys: keysOf(options, trustDirectory, gun),
    now,
    notify,
    exclusively: async (work) => await (cache.exclusively?.(work, signal) ?? work()),
    stagedChanges: async () => (await cache.stagedChanges?.()) ?? 0,
    close: () => {
      if (options.connections === undefined) connections.close();
    },
    ...optional({
      signal,
      pinning: options.pinning,
      maxStalenessMs: options.maxStalenessMs,
      timestampLifetimeMs: options.timestampLifetimeMs,
      mustRemember: options.mustRemember,
    }),
  };
}

async function serverClient(
  options: OpenTrustContextOptions,
  gun: string,
  connections: HttpClients,
): Promise<TrustServerClient> {
  const { reference, now = () => new Date(), signal } = options;
  const url = trustServerUrl(reference, options);
  const http = await connectionsTo(new URL(url).host, options, connections);
  return new TrustServerClient({
    url,
    gun,
    send: authorised(http, gun, options),
    explain: (error) => explainShutdown(error, url, now()),
    ...optional({ signal }),
  });
}

async function connectionsTo(
  host: string,
  { dockerConfigDir, env, userAgent, timeouts }: OpenTrustContextOptions,
  connections: HttpClients,
): Promise<HttpClient> {
  const key = JSON.stringify(["trust server", host, dockerConfigDir, userAgent, timeouts]);
  return await connections.for({ key, proxyEnv: env }, async () => ({
    tls: await loadHostCertificates([join(dockerConfigDir, "tls")], host),
    ...optional({ userAgent, timeouts }),
  }));
}

/** Credentials are those of the registry, and looked up only when the server asks for them. */
function authorised(http: HttpClient, gun: string, options: OpenTrustContextOptions): AuthorisedRequest {
  const { reference, now, access: wanted = "read" } = options;
  const credentials = options.credentials ?? dockerLogins(options, gun);
  const authenticator = new Authenticator(http, {
    credentials: (signal) => credentials(reference, signal),
    registry: reference.registry,
    ...optional({ now, login: options.login }),
  });
  return async (request, needed) => {
    // One token for the whole operation instead of one for reading and one for writing.
    const actions = tokenActions[higher(needed, wanted)];
    return await authenticator.request(request, `repository:${gun}:${actions}`);
  };
}

function dockerLogins({ dockerConfigDir, env, notify }: OpenTrustContextOptions, gun: string): CredentialSource {
  const warn = (message: string): void => notify?.({ kind: "warning", gun, message });
  return async (target, signal) => {
    const { loadDockerConfig } = await import("../registry/credentials.ts");
    return await (await loadDockerConfig(dockerConfigDir, env, warn)).credentialsFor(target, signal);
  };
}

const tokenActions = { read: "pull", write: "push,pull", admin: "*" } as const;
const accessOrder: readonly TrustServerAccess[] = ["read", "write", "admin"];

function higher(one: TrustServerAccess, other: TrustServerAccess): TrustServerAccess {
  return accessOrder.indexOf(one) > accessOrder.indexOf(other) ? one : other;
}

function keysOf(options: OpenTrustContextOptions, trustDirectory: string, gun: string): KeyStore {
  const { keys } = options;
  if (keys === undefined) return fileKeys(options, trustDirectory, gun);
  return "list" in keys ? keys : new OrderedKeyStores(keys);
}

function fileKeys({ passphrases, notify }: OpenTrustContextOptions, trustDirectory: string, gun: string): KeyStore {
  return lazyKeyStore(async () => {
    const { FileKeyStore } = await import("../keys/file-key-store.ts");
    return new FileKeyStore({
      directory: join(trustDirectory, "private"),
      passphrases: passphrases ?? nobodyToAsk,
      onWarning: (message) => notify?.({ kind: "warning", gun, message }),
    });
  });
}

const nobodyToAsk: PassphraseSource = {
  interactive: false,
  passphraseFor: async ({ role, keyId }) => {
    throw new KeyStoreError(
      "PASSPHRASE_UNAVAILABLE",
      `there is no way to ask for the passphrase of ${role} key ${keyId}`,
    );
  },
};

/** Omits undefined members, as exact optional properties require. */
function optional<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
