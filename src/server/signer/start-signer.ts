/**
 * The signer process: keys for one or more trust servers, ours or Notary's, by gRPC. Only callers with a certificate of
 * the right authority get an answer. Nothing here reads an environment, a terminal or a signal.
 */

import { join } from "node:path";
import { TagsealError } from "../../errors.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";
import { Faults } from "../../service/faults.ts";
import { checkSecrets } from "../../service/secret-files.ts";
import { makeDataDirectory } from "../run/data-directory.ts";
import { Probe } from "../../service/probe.ts";
import { type LogFields, ServerLog } from "../../service/log.ts";
import { signerBuildOf, signerStartFields } from "../run/start-line.ts";
import { FileWatch } from "../../service/watching/file-watch.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";
import { startGrpcServer, type RunningGrpcServer } from "./grpc/grpc-server.ts";
import { SignerService } from "./grpc/signer-service.ts";
import { openKeyTableOf } from "./key-place.ts";
import type { KeyTable } from "./key-table.ts";
import { signerFiles } from "./local-signing-service.ts";
import { type MetricsListener, openMetricsListener } from "./metrics-listener.ts";
import { SignerCertificates } from "./signer-certificates.ts";
import { watchPassphraseFile } from "./passphrase-watch.ts";
import { openSignerKeys } from "./signer-keys.ts";
import { SignerMetrics } from "./signer-metrics.ts";
import { defaultSignerLimits, type SignerLimits, type SignerOptions } from "./signer-options.ts";
import type { PassphraseSource } from "./signer-passphrases.ts";

/** Less than the timeout of servers, which wait for this answer while their own clients wait. */
const probePatienceMs = 300;

/** A signer that accepts calls. */
export interface RunningSigner {
  /** the configured host and the actual port */
  readonly host: string;
  readonly port: number;
  /** of the metrics, when configured */
  readonly metricsPort: number | undefined;
  /**
   * Reads the certificate files now, for new connections. They are checked every two seconds anyway.
   *
   * @throws TagsealError `SERVER_CONFIGURATION` for invalid files; the previous ones stay valid
   */
  reload(): Promise<void>;
  /** Stops accepting calls, waits for those under way, closes the table. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts a signer.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for an address, file or directory that cannot be used, or without the gRPC
 *   library; `STORAGE_FAILED`
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
 */
export async function startSigner(options: SignerOptions): Promise<RunningSigner> {
  const limits: SignerLimits = { ...defaultSignerLimits, ...options.limits };
  const now = options.now ?? (() => new Date());
  const log = new ServerLog({ sink: options.log ?? (() => {}), level: options.logLevel ?? "info", now });
  const { host, port, allowedCallers } = options;
  checkSecrets(options.secretFiles ?? [], log);
  const watch = new FileWatch(now);
  const watching = { now, log, watch };
  const certificates = await SignerCertificates.open(options, watching);
  const table = options.keyTable ?? (await openTable(options, watching));
  try {
    const { service, metrics, faults } = await makeSignerService(options, { table, limits, watching });
    const door = options.metrics && (await openMetricsListener(options.metrics, metrics, faults));
    try {
      const tls = certificates.current;
      const server = await startGrpcServer({ service, host, port, tls, allowedCallers, limits, log, metrics });
      certificates.attach(server);
      if (door !== undefined) log.write("info", "listening for metrics", doorFields(options, door));
      log.write("info", "listening", { host, port: server.port, ...signerStartFields(options) });
      watch.begin();
      faults.begin();
      return running(options, { server, table, log, door, watch, faults });
    } catch (error) {
      await door?.close();
      throw error;
    }
  } catch (error) {
    await table.close();
    throw error;
  }
}

interface SignerParts {
  readonly table: KeyTable;
  readonly limits: SignerLimits;
  readonly watching: WatchParts & { readonly watch: FileWatch };
}

/** What answers calls, with the keys opened, and what watches it. */
async function makeSignerService(options: SignerOptions, { table, limits, watching }: SignerParts) {
  const { now, log, watch } = watching;
  const passphrases = passphraseSource(options, log);
  const { keyService, maxPendingServedKeys } = options;
  const served = { service: keyService, maxPendingKeys: maxPendingServedKeys };
  const keys = await openSignerKeys({ table, passphrases, now, ...served });
  await watchPassphraseFile(passphrases, watching);
  const faults = new Faults(log);
  const probe = new Probe(() => keys.check(), probePatienceMs);
  faults.watch("keys", () => probe.fault, probe);
  for (const part of watch.parts) faults.watch(part, () => watch.fault(part));
  const metrics = new SignerMetrics(table, undefined, { faults, watch, build: signerBuildOf(options) });
  const service = new SignerService({ table, keys, now, maxPendingKeys: limits.maxPendingKeys, probe, metrics });
  return { service, metrics, faults };
}

async function openTable({ dataDir, database, sqlLimits }: SignerOptions, watching: WatchParts): Promise<KeyTable> {
  if (database === undefined) {
    if (dataDir === undefined)
      throw new TagsealError("SERVER_CONFIGURATION", "The signer needs a data directory or a database");
    makeDataDirectory(dataDir, watching.log);
  }
  const onWarning = (warning: string): void => watching.log.write("warning", "database", { warning });
  return await openKeyTableOf({ dataDir, database, sqlLimits }, { watching, onWarning });
}

function passphraseSource(options: SignerOptions, log: ServerLog): PassphraseSource {
  const { keyTable, database, dataDir, passphrases: given } = options;
  const isShared = keyTable !== undefined || database !== undefined;
  // Processes that share a table could not find a passphrase that one of them generated.
  const file = !isShared && dataDir !== undefined ? join(dataDir, signerFiles.passphrase) : undefined;
  const onGenerated = (path: string): void => log.write("info", "generated the signer passphrase", { file: path });
  return { given, file, log, onGenerated };
}

function doorFields({ metrics }: SignerOptions, { port }: MetricsListener): LogFields {
  const isPrivate = metrics === undefined || isLoopbackHost(metrics.host);
  return { host: metrics?.host, port, mayRead: isPrivate ? "this machine" : "EVERYBODY, BY PLAIN HTTP" };
}

interface Opened {
  readonly server: RunningGrpcServer;
  readonly table: KeyTable;
  readonly log: ServerLog;
  readonly door: MetricsListener | undefined;
  readonly watch: FileWatch;
  readonly faults: Faults;
}

function running(options: SignerOptions, { server, table, log, door, watch, faults }: Opened): RunningSigner {
  async function reload(): Promise<void> {
    await watch.reload();
    log.write("info", "reloaded");
  }
  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    watch.stop();
    await faults.stop();
    await server.close();
    await door?.close();
    await table.close();
    log.write("info", "stopped");
  }
  const { port } = server;
  return { host: options.host, port, metricsPort: door?.port, reload, close: () => (closed ??= close()) };
}
