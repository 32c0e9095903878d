/** Opens the collection of an image on this machine: the one place where the contracts of `ports.ts` meet their usual implementations. */

import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";
import { TagsealError } from "../errors.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { dockerLogins } from "../docker-config/docker-login-source.ts";
import { lazyKeyStore } from "../keys/lazy-key-store.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { gunOf, type ImageReference } from "../reference/image-reference.ts";
import { Authenticator } from "../registry/authentication.ts";
import { loginHint } from "../registry/unanswered-challenge.ts";
import { loadHostCertificates } from "../docker-config/certificate-directory.ts";
import type { HttpClient, Timeouts } from "../http/client/http-client.ts";
import { HttpClients } from "../http/client/http-clients.ts";
import { maxFileBytes } from "../tuf/notary-v1/bounds.ts";
import type { TrustPinning } from "../tuf/updater.ts";
import { explainShutdown } from "./trust-server/docker-hub.ts";
import { FileMetadataCache } from "./trust-directory/metadata-cache.ts";
import type { TrustCache, TrustCredentials, TrustRepository } from "./ports.ts";
import { trustServerUrl } from "./trust-server/server-url.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustEventHandler } from "./trust-event.ts";
import {
  type AuthorisedRequest,
  type TrustServerAccess,
  TrustServerClient,
} from "./trust-server/trust-server-client.ts";

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
  readonly credentials?: TrustCredentials;
  /** the command that logs in, for hints; `docker login` when absent */
  readonly login?: string;
  /** used when a key must be unlocked or made; without it encrypted keys stay locked */
  readonly passphrases?: PassphraseSource;
  /** instead of docker's `trust/private`; several stores are one as `OrderedKeyStores` */
  readonly keys?: KeyStore;
  /** ask the trust server for its timestamp at once if the collection is remembered here; for a caller that goes on to load what reads it */
  readonly askAhead?: boolean;
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
  /** refuse to create a repository with its first signature; default false */
  readonly mustExist?: boolean;
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
    repository: options.repository ?? (await serverClient(options, gun, { connections, cache })),
    cache,
    keys: options.keys ?? userKeys(options, trustDirectory, gun),
    now,
    notify,
    exclusively: async (work) => await (cache.exclusively?.(work, signal) ?? work()),
    removeRemembered: async () => await cache.remove?.(),
    rememberOnly: async (root) => await rememberOnly(cache, root),
    rootsNaming: async (keyId) => await rootsNaming(trustDirectory, keyId),
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
      mustExist: options.mustExist,
    }),
  };
}

/** The steps of a cache that cannot do it at once. */
async function rememberOnly(cache: TrustCache, root: Uint8Array): Promise<void> {
  if (cache.rememberOnly !== undefined) return await cache.rememberOnly(root);
  await cache.remove?.();
  // The cache then knows what it replaces: a root that another process trusted in the meantime does not stay.
  await cache.load("root");
  await cache.store("root", root);
}

async function rootsNaming(trustDirectory: string, keyId: string): Promise<number> {
  const { mentionsOfKey } = await import("./trust-directory/key-mentions.ts");
  const { mentions } = await mentionsOfKey(trustDirectory, keyId);
  return mentions.filter(({ role }) => role === "root").length;
}

async function serverClient(
  options: OpenTrustContextOptions,
  gun: string,
  { connections, cache }: { readonly connections: HttpClients; readonly cache: TrustCache },
): Promise<TrustServerClient> {
  const { reference, now = () => new Date(), signal, askAhead = false } = options;
  const url = trustServerUrl(reference, options);
  const http = await connectionsTo(new URL(url).host, options, connections);
  const client = new TrustServerClient({
    url,
    gun,
    send: authorised(http, gun, options),
    explain: (error) => explainShutdown(error, url, now()),
    login: loginHint(options.login ?? "docker login", reference.registry),
    ...optional({ signal }),
  });
  if (askAhead && (await isRemembered(cache))) client.fetchAhead("timestamp", maxFileBytes("timestamp"));
  return client;
}

/** What is damaged is reported by the update that reads it. */
async function isRemembered(cache: TrustCache): Promise<boolean> {
  try {
    return (await cache.load("root")) !== undefined;
  } catch (error) {
    if (error instanceof TagsealError) return false;
    throw error;
  }
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
  const warn = (message: string): void => options.notify?.({ kind: "warning", gun, message });
  const credentials =
    options.credentials ?? dockerLogins({ directory: options.dockerConfigDir, env: options.env, warn });
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

const tokenActions = { read: "pull", write: "push,pull", admin: "*" } as const;
const accessOrder: readonly TrustServerAccess[] = ["read", "write", "admin"];

function higher(one: TrustServerAccess, other: TrustServerAccess): TrustServerAccess {
  return accessOrder.indexOf(one) > accessOrder.indexOf(other) ? one : other;
}

function userKeys(
  { env, passphrases, notify }: OpenTrustContextOptions,
  trustDirectory: string,
  gun: string,
): KeyStore {
  return lazyKeyStore(async () => {
    const { openUserKeyStore } = await import("../keys/user-key-store.ts");
    return openUserKeyStore({
      trustDirectory,
      env,
      passphrases,
      onWarning: (message) => notify?.({ kind: "warning", gun, message }),
    });
  });
}

/** Omits undefined members, as exact optional properties require. */
function optional<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
