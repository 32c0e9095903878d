/**
 * The trust server: wire-compatible with Notary's, storage and signer built in.
 *
 * `http/` speaks to clients, `storage/` keeps files, `signer/` keeps keys; this file puts them together. Nothing here reads
 * an environment, a terminal or a signal: the command does, and passes on what it found.
 */

import { mkdirSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TagsealError } from "../errors.ts";
import { CollectionReader } from "./collection-reader.ts";
import { Handlers } from "./http/handlers.ts";
import { Health } from "./http/health.ts";
import { Metrics } from "./http/metrics.ts";
import { UploadBudget } from "./http/request-body.ts";
import { requestListener } from "./http/request-listener.ts";
import { namesKeyIn } from "./published-keys.ts";
import { Publisher } from "./publisher.ts";
import { ServerLog } from "./server-log.ts";
import { defaultCacheAges, defaultLimits, type ServerLimits, type ServerOptions } from "./server-options.ts";
import type { KeyTable } from "./signer/key-table.ts";
import { openLocalSigningService, signerFiles } from "./signer/local-signing-service.ts";
import { onePassphrase } from "./signer/signer-passphrases.ts";
import type { SigningService } from "./signer/signing-service.ts";
import { SqliteKeyTable } from "./signer/sqlite-key-table.ts";
import type { MetadataStore } from "./storage/metadata-store.ts";
import { SqliteMetadataStore } from "./storage/sqlite-metadata-store.ts";
import { readTlsFiles, type TlsFiles } from "./tls-files.ts";

export type { ServerOptions } from "./server-options.ts";

/** A server that accepts connections. */
export interface RunningServer {
  /** with the port it really listens on, without a final slash */
  readonly url: string;
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
  const tls = options.tls && readTlsFiles(options.tls);
  const { store, signer } = await openParts(options, now, log);
  try {
    const server = createListener(options, { store, signer, limits, now, log }, tls);
    await listen(server, options.host, options.port);
    const url = urlOf(server, options.host, tls !== undefined);
    log.write("info", "listening", { url });
    return running({ server, url, store, signer, log, shutdownTimeoutMs: limits.shutdownTimeoutMs });
  } catch (error) {
    await Promise.all([store.close(), signer.close()]);
    throw error;
  }
}

interface Parts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly limits: ServerLimits;
  readonly now: () => Date;
  readonly log: ServerLog;
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
  options: ServerOptions,
  store: MetadataStore,
  now: () => Date,
  log: ServerLog,
): Promise<SigningService> {
  const { dataDir, signerPassphrase, signerPassphrases } = options;
  const table = options.keyTable ?? new SqliteKeyTable(join(dataDir, signerFiles.database));
  try {
    await refuseEmptyTable(table, store, dataDir);
  } catch (error) {
    await table.close();
    throw error;
  }
  const passphrases = {
    given: signerPassphrases ?? onePassphrase(signerPassphrase),
    // Other processes that share a table would not find a passphrase that one of them has generated.
    file: options.keyTable === undefined ? join(dataDir, signerFiles.passphrase) : undefined,
    onGenerated: (file: string): void => log.write("info", "generated the signer passphrase", { file }),
  };
  return openLocalSigningService({ table, passphrases, namesKey: namesKeyIn(store), now });
}

/** New keys for old collections would look like success until the first publication fails. */
async function refuseEmptyTable(table: KeyTable, store: MetadataStore, dataDir: string): Promise<void> {
  if ((await table.derivationSecret()) !== undefined || (await table.keys("", 1)).length > 0) return;
  if ((await store.changes({ from: 0, limit: 1, backwards: false })).length === 0) return;
  const message = `The server's store holds collections, but there are no signer keys (${dataDir})`;
  throw new TagsealError("SERVER_CONFIGURATION", message, {
    hint: "Restore the signer's database from the backup that goes with the store: signer.db with metadata.db.",
  });
}

function createListener(options: ServerOptions, parts: Parts, tls: TlsFiles | undefined): Server {
  const { store, signer, limits, now, log } = parts;
  const reader = new CollectionReader(store, limits.maxCacheBytes);
  const publisher = new Publisher({ store, signer, reader, log, now });
  const uploads = new UploadBudget(limits.maxUploadBytesInMemory);
  const cacheAges = options.cacheAges ?? defaultCacheAges;
  const handlers = new Handlers({ store, signer, reader, publisher, uploads, limits, cacheAges, now });
  const listener = requestListener({
    handlers,
    health: new Health(store, signer),
    metrics: metricsOf(reader, publisher, uploads),
    log,
    authorise: options.authorise,
    gunPrefixes: options.gunPrefixes ?? [],
  });
  const timeouts = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: Math.min(30_000, limits.idleTimeoutMs),
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  };
  const server =
    tls === undefined
      ? createHttpServer(timeouts, listener)
      : createHttpsServer(
          { ...timeouts, ...tls, minVersion: "TLSv1.2", handshakeTimeout: limits.headersTimeoutMs },
          listener,
        );
  return server.setTimeout(limits.idleTimeoutMs);
}

function metricsOf(reader: CollectionReader, publisher: Publisher, uploads: UploadBudget): Metrics {
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
  readonly log: ServerLog;
  readonly shutdownTimeoutMs: number;
}

function running({ server, url, store, signer, log, shutdownTimeoutMs }: Running): RunningServer {
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
  return { url, close: () => (closed ??= close()) };
}
