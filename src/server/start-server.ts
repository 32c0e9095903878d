/**
 * The trust server: wire-compatible with Notary's, storage and signer built in.
 *
 * `http/` speaks to clients, `storage/` keeps files, `signer/` keeps keys; this file puts them together. Nothing here reads
 * an environment, a terminal or a signal: the command does, and passes on what it found.
 */

import { existsSync, mkdirSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TagsealError } from "../errors.ts";
import { openAuthorisation, type Authorisation } from "./auth/open-authorisation.ts";
import { CollectionReader } from "./collection-reader.ts";
import type { RefusalCounts } from "./http/authorise.ts";
import { Handlers } from "./http/handlers.ts";
import { Health } from "./http/health.ts";
import { Metrics } from "./http/metrics.ts";
import { UploadBudget } from "./http/request-body.ts";
import { requestListener } from "./http/request-listener.ts";
import { Publisher } from "./publisher.ts";
import { ServerLog } from "./server-log.ts";
import { defaultCacheAges, defaultLimits, type ServerLimits, type ServerOptions } from "./server-options.ts";
import { openLocalSigningService, signerFiles } from "./signer/local-signing-service.ts";
import type { SigningService } from "./signer/signing-service.ts";
import type { MetadataStore } from "./storage/metadata-store.ts";
import { SqliteMetadataStore } from "./storage/sqlite-metadata-store.ts";
import { ServerTls } from "./server-tls.ts";

export type { ServerOptions } from "./server-options.ts";

/** A server that accepts connections. */
export interface RunningServer {
  /** with the port it really listens on, without a final slash */
  readonly url: string;
  /**
   * Reads the files of TLS and authentication again, for connections and requests to come.
   *
   * @throws TagsealError `SERVER_CONFIGURATION` for files that make no sense; what was valid before stays valid
   */
  reload(): Promise<void>;
  /** Stops accepting, lets requests under way end, closes store and signer. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts a trust server.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for an address, file or directory that cannot be used, or keys that are missing;
 *   `STORAGE_FAILED`
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const limits: ServerLimits = { ...defaultLimits, ...options.limits };
  const now = options.now ?? (() => new Date());
  const log = new ServerLog({ sink: options.log ?? (() => {}), level: options.logLevel ?? "info", now });
  const { authorisation, tls } = await openEntrance(options, now, log);
  const { store, signer } = await openParts(options, now, log);
  try {
    const server = createListener(options, { store, signer, authorisation, limits, now, log }, tls);
    await listen(server, options.host, options.port);
    const url = urlOf(server, options.host, tls !== undefined);
    log.write("info", "listening", { url });
    const { shutdownTimeoutMs } = limits;
    return running({ server, url, store, signer, authorisation, tls, log, shutdownTimeoutMs });
  } catch (error) {
    await Promise.all([store.close(), signer.close()]);
    throw error;
  }
}

interface Parts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly authorisation: Authorisation | undefined;
  readonly limits: ServerLimits;
  readonly now: () => Date;
  readonly log: ServerLog;
}

interface Entrance {
  readonly authorisation: Authorisation | undefined;
  readonly tls: ServerTls | undefined;
}

async function openEntrance({ auth, tls: paths }: ServerOptions, now: () => Date, log: ServerLog): Promise<Entrance> {
  let tls: ServerTls | undefined;
  const onAuthoritiesChange = (authorities: Buffer): void => tls?.useAuthorities(authorities);
  const authorisation = auth && (await openAuthorisation(auth, { now, log, onAuthoritiesChange }));
  if (paths === undefined && authorisation?.clientCertificates !== undefined) {
    const reason = "the server must have a certificate itself";
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot ask for client certificates: ${reason}`);
  }
  tls = paths && (await ServerTls.open(paths, authorisation?.clientCertificates));
  return { authorisation, tls };
}

async function openParts(
  options: ServerOptions,
  now: () => Date,
  log: ServerLog,
): Promise<{ store: MetadataStore; signer: SigningService }> {
  makeDataDirectory(options.dataDir);
  const store = options.store ?? new SqliteMetadataStore({ path: join(options.dataDir, "metadata.db") });
  try {
    const signer = options.signer ?? (await openSigner(options, store, now, log));
    return { store, signer };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openSigner(
  { dataDir, signerPassphrase: passphrase }: ServerOptions,
  store: MetadataStore,
  now: () => Date,
  log: ServerLog,
): Promise<SigningService> {
  const path = join(dataDir, signerFiles.database);
  // New keys for old collections would look like success until the first publication fails.
  if (!existsSync(path) && (await store.changes({ from: 0, limit: 1, backwards: false })).length > 0) {
    throw new TagsealError(
      "SERVER_CONFIGURATION",
      `${dataDir} holds collections but no signer keys: ${path} does not exist`,
      {
        hint: "Restore signer.db from the backup that goes with metadata.db.",
      },
    );
  }
  const onPassphraseGenerated = (file: string): void => log.write("info", "generated the signer passphrase", { file });
  return openLocalSigningService({ dataDir, passphrase, now, onPassphraseGenerated });
}

function createListener(options: ServerOptions, parts: Parts, tls: ServerTls | undefined): Server {
  const { store, signer, authorisation, limits, now, log } = parts;
  const reader = new CollectionReader(store, limits.maxCacheBytes);
  const publisher = new Publisher({ store, signer, reader, log, now });
  const uploads = new UploadBudget(limits.maxUploadBytesInMemory);
  const cacheAges = options.cacheAges ?? defaultCacheAges;
  const handlers = new Handlers({ store, signer, reader, publisher, uploads, limits, cacheAges, now });
  const refusals: RefusalCounts = { missing: 0, invalid: 0, throttled: 0, insufficient: 0 };
  const listener = requestListener({
    handlers,
    health: new Health(store, signer),
    metrics: metricsOf(reader, publisher, uploads, refusals),
    protectMonitoring: options.auth?.protectMonitoring ?? false,
    log,
    authorise: options.authorise ?? authorisation?.authorise,
    tokenEndpoint: authorisation?.tokenEndpoint,
    refusals,
    gunPrefixes: options.gunPrefixes ?? [],
  });
  const timeouts = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: Math.min(30_000, limits.idleTimeoutMs),
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  };
  if (tls === undefined) return createHttpServer(timeouts, listener).setTimeout(limits.idleTimeoutMs);
  const handshakeTimeout = limits.headersTimeoutMs;
  const server = createHttpsServer({ ...timeouts, ...tls.options, handshakeTimeout }, listener);
  tls.attach(server);
  return server.setTimeout(limits.idleTimeoutMs);
}

function metricsOf(
  reader: CollectionReader,
  publisher: Publisher,
  uploads: UploadBudget,
  refusals: RefusalCounts,
): Metrics {
  const metrics = new Metrics();
  const add = (name: string, help: string, value: () => number): void => {
    const type = name.endsWith("_total") ? "counter" : "gauge";
    metrics.addGauge({ name: `tagseal_server_${name}`, help, type, value });
  };
  add("published_total", "Publications committed.", () => publisher.counts.published);
  add("conflicts_total", "Publications refused because another one came first.", () => publisher.counts.conflicts);
  add("refused_total", "Publications readers would not accept.", () => publisher.counts.refused);
  add("renewed_total", "Expired timestamps signed again.", () => publisher.counts.renewed);
  add("cache_hits_total", "Reads answered from memory.", () => reader.counts.hits);
  add("cache_misses_total", "Reads that went to the store.", () => reader.counts.misses);
  add("cache_bytes", "Estimated size of the cache.", () => reader.counts.bytes);
  add("upload_bytes", "Size of the uploads under way.", () => uploads.usedBytes);
  add("access_missing_total", "Requests refused because they came without credentials.", () => refusals.missing);
  add("access_invalid_total", "Requests refused because their credentials are not good.", () => refusals.invalid);
  add("access_throttled_total", "Requests refused after too many wrong passwords.", () => refusals.throttled);
  add("access_insufficient_total", "Requests refused to users who may not do that.", () => refusals.insufficient);
  return metrics;
}

function makeDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${path} as the data directory`, { cause });
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen({ host, port, backlog: 1024 }, listening.resolve);
  try {
    await listening.promise;
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot listen on ${host}:${port}`, {
      cause,
      hint: "Choose another address or port, or stop what uses this one.",
    });
  }
}

function urlOf(server: Server, host: string, secure: boolean): string {
  const { port } = server.address() as AddressInfo; // listening on TCP
  return `${secure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

interface Running {
  readonly server: Server;
  readonly url: string;
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly authorisation: Authorisation | undefined;
  readonly tls: ServerTls | undefined;
  readonly log: ServerLog;
  readonly shutdownTimeoutMs: number;
}

function running({ server, url, store, signer, authorisation, tls, log, shutdownTimeoutMs }: Running): RunningServer {
  async function reload(): Promise<void> {
    await authorisation?.reload();
    tls?.reload();
    log.write("info", "reloaded");
  }
  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    const ended = Promise.withResolvers<void>();
    server.close(() => ended.resolve());
    // Again and again: a connection whose last answer was just sent would be kept for the next request.
    const tidying = setInterval(() => server.closeIdleConnections(), 20);
    const impatience = setTimeout(() => server.closeAllConnections(), shutdownTimeoutMs);
    await ended.promise;
    clearInterval(tidying);
    clearTimeout(impatience);
    await Promise.all([store.close(), signer.close()]);
    log.write("info", "stopped");
  }
  return { url, reload, close: () => (closed ??= close()) };
}
