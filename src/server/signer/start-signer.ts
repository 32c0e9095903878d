/**
 * The signer process: keys for one or more trust servers, ours or Notary's, by gRPC. Only callers with a certificate of
 * the right authority get an answer. Nothing here reads an environment, a terminal or a signal.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TagsealError } from "../../errors.ts";
import { ServerLog } from "../server-log.ts";
import { readCertificates, readTlsFiles } from "../tls-files.ts";
import { startGrpcServer, type RunningGrpcServer } from "./grpc/grpc-server.ts";
import type { MutualTls } from "./grpc/server-credentials.ts";
import { SignerService } from "./grpc/signer-service.ts";
import type { KeyTable } from "./key-table.ts";
import { signerFiles } from "./local-signing-service.ts";
import { type MetricsListener, openMetricsListener } from "./metrics-listener.ts";
import { openSignerKeys } from "./signer-keys.ts";
import { SignerMetrics } from "./signer-metrics.ts";
import { defaultSignerLimits, type SignerLimits, type SignerOptions } from "./signer-options.ts";
import type { PassphraseSource } from "./signer-passphrases.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

/** A signer that accepts calls. */
export interface RunningSigner {
  /** the host it was given and the port it really listens on */
  readonly host: string;
  readonly port: number;
  /** of the metrics, when they were asked for */
  readonly metricsPort: number | undefined;
  /**
   * Reads the files of certificates again, for connections to come.
   *
   * @throws TagsealError `SERVER_CONFIGURATION` for files that make no sense; what was valid before stays valid
   */
  reload(): Promise<void>;
  /** Stops accepting, lets calls under way end, closes the table. May be called twice. */
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
  const { host, port } = options;
  const tls = readMutualTls(options);
  const table = options.keyTable ?? openDataDirectory(options.dataDir);
  try {
    const keys = await openSignerKeys({ table, passphrases: passphraseSource(options, log), now });
    const metrics = new SignerMetrics(table);
    const service = new SignerService({ table, keys, now, maxPendingKeys: limits.maxPendingKeys, metrics });
    const door = options.metrics && (await openMetricsListener(options.metrics, () => metrics.toText()));
    try {
      const server = await startGrpcServer({ service, host, port, tls, limits, log, metrics });
      if (door !== undefined) log.write("info", "listening for metrics", { ...options.metrics, port: door.port });
      log.write("info", "listening", { host, port: server.port });
      return running(options, { server, table, log, door });
    } catch (error) {
      await door?.close();
      throw error;
    }
  } catch (error) {
    await table.close();
    throw error;
  }
}

function openDataDirectory(dataDir: string | undefined): KeyTable {
  if (dataDir === undefined)
    throw new TagsealError("SERVER_CONFIGURATION", "The signer needs a data directory or a database");
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${dataDir} as the data directory`, { cause });
  }
  return new SqliteKeyTable(join(dataDir, signerFiles.database));
}

function passphraseSource({ keyTable, dataDir, passphrases: given }: SignerOptions, log: ServerLog): PassphraseSource {
  // Other processes that share a table would not find a passphrase that one of them has generated.
  const file = keyTable === undefined && dataDir !== undefined ? join(dataDir, signerFiles.passphrase) : undefined;
  const onGenerated = (path: string): void => log.write("info", "generated the signer passphrase", { file: path });
  return { given, file, onGenerated };
}

function readMutualTls({ tls, clientCaFile }: SignerOptions): MutualTls {
  return { ...readTlsFiles(tls), clientCa: readCertificates(clientCaFile) };
}

interface Opened {
  readonly server: RunningGrpcServer;
  readonly table: KeyTable;
  readonly log: ServerLog;
  readonly door: MetricsListener | undefined;
}

function running(options: SignerOptions, { server, table, log, door }: Opened): RunningSigner {
  async function reload(): Promise<void> {
    server.useCertificates(readMutualTls(options));
    log.write("info", "reloaded");
  }
  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    await server.close();
    await door?.close();
    await table.close();
    log.write("info", "stopped");
  }
  const { port } = server;
  return { host: options.host, port, metricsPort: door?.port, reload, close: () => (closed ??= close()) };
}
