/**
 * The trust server: wire-compatible with Notary's, storage and signer built in.
 *
 * `http/` speaks to clients, `storage/` keeps files, `signer/` keeps keys, `service.ts` assembles them; this file opens and closes the listener.
 * Nothing here reads the environment, a terminal or a signal: the command does, and passes on the results.
 */

import type { Server } from "node:http";
import { closeListener, listen, listenerUrl, makeListener } from "../../http/server/listening.ts";
import { type ListenerSecurity, openListenerSecurity } from "./listener-security.ts";
import { exposureOf, warnOfExposure } from "./exposure.ts";
import { checkSecrets } from "../../service/secret-files.ts";
import { ServerLog } from "../../service/log.ts";
import { defaultLimits, type ChangeableOptions, type ServerLimits, type ServerOptions } from "./server-options.ts";
import { openServerParts } from "./server-parts.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { makeService, type Service } from "./service.ts";
import { FileWatch } from "../../service/watching/file-watch.ts";
import { startFields } from "./start-line.ts";

export type { ServerOptions } from "./server-options.ts";

/** A server that accepts connections. */
export interface RunningServer {
  /** with the actual port, without a final slash */
  readonly url: string;
  /**
   * Reads the files of TLS, authentication, signer and databases now, for new connections and requests. They are checked every two seconds anyway.
   *
   * @throws TagsealError `SERVER_CONFIGURATION` for invalid files; the previous ones stay valid
   */
  reload(): Promise<void>;
  /** Applies the options that can change while it runs; absent ones return to their defaults. */
  change(options: ChangeableOptions): void;
  /** Stops accepting connections, waits for requests under way, closes store and signer. May be called twice. */
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
  checkSecrets(options.secretFiles ?? [], log);
  const watch = new FileWatch(now);
  const security = await openListenerSecurity(options, { now, log, watch });
  const { store, signer } = await openServerParts(options, now, log, watch);
  try {
    const { authorisation } = security;
    const service = makeService(options, { store, signer, authorisation, limits, now, log, watch });
    await service.checkKeys();
    const server = makeListener(service.listener, limits, security.tls);
    service.connections.attach(server);
    await listen(server, options.host, options.port);
    const url = listenerUrl(server, options.host, security.tls !== undefined);
    log.write("info", "listening", { url, ...startFields(options) });
    warnOfExposure(exposureOf(options), log);
    service.begin({ upkeep: options.upkeep !== false });
    const { shutdownTimeoutMs } = limits;
    return running({ server, url, service, store, signer, security, watch, log, shutdownTimeoutMs });
  } catch (error) {
    await Promise.all([store.close(), signer.close()]);
    throw error;
  }
}

interface Running {
  readonly server: Server;
  readonly url: string;
  readonly service: Service;
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly security: ListenerSecurity;
  readonly watch: FileWatch;
  readonly log: ServerLog;
  readonly shutdownTimeoutMs: number;
}

function running(parts: Running): RunningServer {
  const { server, url, service, store, signer, security, watch, log, shutdownTimeoutMs } = parts;
  async function reload(): Promise<void> {
    await watch.reload();
    log.write("info", "reloaded");
  }
  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    await closeListener(server, shutdownTimeoutMs);
    await service.stop();
    await Promise.all([store.close(), signer.close(), security.authorisation?.close()]);
    log.write("info", "stopped");
  }
  return { url, reload, change: (options) => service.change(options), close: () => (closed ??= close()) };
}
