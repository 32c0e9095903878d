/**
 * The gateway: a registry endpoint that answers a tag only with the digest that is signed for it. The registry behind it is asked by digest.
 * Nothing here reads the environment, a terminal or a signal: the command does, and passes on the results.
 */
import { randomBytes } from "node:crypto";
import { sealKeyBytes } from "../crypto/sealed-text.ts";
import { TrustedProxies } from "../http/server/client-address.ts";
import { type ConnectionBounds, ConnectionLimit } from "../http/server/connection-limit.ts";
import { closeListener, listen, listenerUrl, type ListenerTimeouts, makeListener } from "../http/server/listening.ts";
import { ServerTls } from "../http/server/tls.ts";
import { TagsealError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";
import { isLoopbackHost } from "../reference/loopback.ts";
import { ServerLog } from "../service/log.ts";
import { FileWatch } from "../service/watching/file-watch.ts";
import { BlobCache } from "./blob-cache/blob-cache.ts";
import { everyClient, type GatewayLoginParts, openClientLogins } from "./client-logins.ts";
import { gatewayListener } from "./gateway-listener.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { makeParts } from "./gateway-parts.ts";
import { UploadSeal } from "./pushes/upload-seal.ts";
import { LoginTokens } from "./login-tokens.ts";
import { PassedLogins } from "./passed-logins.ts";

/** A gateway that accepts connections. */
export interface RunningGateway {
  /** with the actual port, without a final slash */
  readonly url: string;
  /**
   * Reads policies and certificates again.
   *
   * @throws TagsealError `SERVER_CONFIGURATION`, and what `read` throws; what could not be read stays as it was, and is a fault until it can
   */
  readonly reload: (read: () => Promise<readonly Policy[]>) => Promise<void>;
  /** Stops accepting connections and waits for the requests under way. May be called twice. */
  readonly close: () => Promise<void>;
}

const timeouts = { headersTimeoutMs: 10_000, requestTimeoutMs: 60_000, idleTimeoutMs: 60_000 };
const shutdownMs = 10_000;
const defaultBounds: ConnectionBounds = { maxConnections: 4_096, maxConnectionsPerClient: 1_024 };

/** Starts a gateway. @throws TagsealError `SERVER_CONFIGURATION` for an address or a file that cannot be used */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { host, port, now = () => new Date(), watch = new FileWatch(now) } = options;
  const log = new ServerLog({ sink: options.log ?? (() => undefined), level: options.logLevel ?? "info", now });
  requireSafePassing(options);
  requirePushable(options);
  const proxies = new TrustedProxies(options.trustedProxies ?? []);
  const { tls, logins } = await openSecurity(options, { now, log, watch, proxies });
  const blobCache = options.blobCache && (await BlobCache.open(options.blobCache, log));
  const passedLogins = new PassedLogins(new LoginTokens(sealKey(tls, "login tokens"), now), now);
  const uploadSeal = new UploadSeal(sealKey(tls, "locations of uploads"));
  const parts = makeParts(options, { log, now, watch, logins, blobCache, proxies, passedLogins, uploadSeal });
  const server = makeListener(gatewayListener(parts), timeoutsFor(options), tls);
  const refused = (remote: string): void => log.write("warning", "too many connections of one client", { remote });
  new ConnectionLimit(options.connectionBounds ?? defaultBounds, proxies, refused).attach(server);
  await listen(server, host, port);
  const url = listenerUrl(server, host, tls !== undefined);
  log.write("info", "listening", { url });
  warnOfExposure(options, log);
  watch.begin();
  parts.faults.begin();
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await closeListener(server, shutdownMs);
    watch.stop();
    await Promise.all([parts.faults.stop(), logins.close(), blobCache?.close()]);
    parts.upstreams.close();
    parts.pushes?.upstreams.close();
    log.write("info", "stopped");
  };
  return { url, reload: parts.reload, close: async () => await (closed ??= close()) };
}

/** Replicas have the same certificate, and accept what one of them has sealed. Without one there is one gateway on this machine, behind a proxy. */
function sealKey(tls: ServerTls | undefined, purpose: string): () => Uint8Array {
  const own = randomBytes(sealKeyBytes);
  return () => tls?.secretFor(`tagseal gateway ${purpose} 1`) ?? own;
}

/** Logins of clients are not read from plain connections, nor taken for two things. @throws TagsealError `SERVER_CONFIGURATION` */
function requireSafePassing({ passThrough = [], tls, host, logins }: GatewayOptions): void {
  if (passThrough.length === 0) return;
  if (logins?.basic !== undefined || logins?.token !== undefined)
    throw new TagsealError("SERVER_CONFIGURATION", "Clients cannot log in to the gateway and to a registry at once", {
      hint: "Use --pass-through without --htpasswd and --token-realm; --client-ca may stay.",
    });
  if (tls === undefined && !isLoopbackHost(host))
    throw new TagsealError("SERVER_CONFIGURATION", "Cannot pass on logins that arrive without TLS", {
      hint: "Set --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that speaks TLS.",
    });
}

/** What is pushed goes to one registry, with the login of its publisher. @throws TagsealError `SERVER_CONFIGURATION` */
function requirePushable({ pushes, registry, passThrough = [] }: GatewayOptions): void {
  if (pushes === undefined || (registry !== undefined && passThrough.includes(registry))) return;
  const name = registry ?? "registry.example.com";
  throw new TagsealError("SERVER_CONFIGURATION", "Pushes need one registry that sees the logins of publishers", {
    hint: `Add --registry ${name} --pass-through ${name}.`,
  });
}

/** Pushes may take hours: they have bounds on how slowly they come. A body that nothing asks for ends the connection with the answer. */
function timeoutsFor({ pushes }: GatewayOptions): ListenerTimeouts {
  return pushes === undefined ? timeouts : { ...timeouts, requestTimeoutMs: 0 };
}

/** Warns once, at the start: an operator who forgot something notices before an attacker does. */
function warnOfExposure({ host, tls, logins }: GatewayOptions, log: ServerLog): void {
  if (isLoopbackHost(host)) return;
  if (logins === undefined)
    log.write("warning", "NOBODY HAS TO LOG IN", {
      reason: "every client that reaches this gateway may pull what its own logins may pull",
      hint: "Say who may pull with --htpasswd, --client-ca or --token-realm.",
    });
  if (tls === undefined)
    log.write("warning", "PLAIN HTTP TO OTHER MACHINES", {
      reason: "an attacker on the network may read passwords, and hand out other images",
      hint: "Set --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that speaks TLS.",
    });
}

/** The gateway's certificate, and how clients log in. @throws TagsealError `SERVER_CONFIGURATION` */
async function openSecurity({ tls: paths, logins: settings }: GatewayOptions, parts: GatewayLoginParts) {
  let tls: ServerTls | undefined;
  const onAuthoritiesChange = (authorities: Buffer): void => tls?.useAuthorities(authorities);
  const isTls = paths !== undefined;
  const logins =
    settings === undefined ? everyClient : await openClientLogins(settings, isTls, { ...parts, onAuthoritiesChange });
  tls = paths && (await ServerTls.open(paths, logins.clientCertificates, parts));
  return { tls, logins };
}
