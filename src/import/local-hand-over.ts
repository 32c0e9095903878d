/** Hands collections over at once, for an operator who has both the new server's data and the publisher's root key. */

import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Environment } from "../environment/environment.ts";
import { sha256 } from "../crypto/digest.ts";
import { UsageError } from "../errors.ts";
import type { PassphraseSource } from "../keys/passphrase.ts";
import { HttpClient } from "../http/client/http-client.ts";
import type { Authorise } from "../server/http/authorise.ts";
import type { ServerOptions } from "../server/run/server-options.ts";
import { startServer } from "../server/run/start-server.ts";
import { handOver, type HandOverResult } from "../trust/hand-over.ts";
import { openTrustContext } from "../trust/open-trust-context.ts";
import type { TrustEventHandler } from "../trust/trust-event.ts";
import { TrustServerClient } from "../trust/trust-server-client.ts";

/** Where the keys are on either side. */
export interface LocalHandOver {
  /** the new server's store and keys */
  readonly data: Pick<
    ServerOptions,
    "dataDir" | "database" | "signerDatabase" | "sqlLimits" | "signerPassphrases" | "remoteSigner"
  >;
  /** holds `trust/` with the root key */
  readonly dockerConfigDir: string;
  readonly env: Environment;
  readonly passphrases: PassphraseSource;
  readonly notify: TrustEventHandler;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/**
 * Runs a private trust server on loopback while `use` hands collections over to its keys.
 *
 * @throws as `startServer` and {@link handOver}
 */
export async function withLocalHandOver<T>(
  options: LocalHandOver,
  use: (handOverOf: (gun: string) => Promise<HandOverResult>) => Promise<T>,
): Promise<T> {
  const secret = `Bearer ${randomBytes(32).toString("base64url")}`;
  const running = await startServer({
    ...options.data,
    host: "127.0.0.1",
    port: 0,
    upkeep: false,
    now: options.now,
    authorise: onlyWith(secret),
  });
  const http = new HttpClient();
  try {
    return await use(async (gun) => await handOverOne(gun, options, { url: running.url, http, secret }));
  } finally {
    http.close();
    await running.close();
  }
}

interface Loopback {
  readonly url: string;
  readonly http: HttpClient;
  readonly secret: string;
}

async function handOverOne(
  gun: string,
  options: LocalHandOver,
  { url, http, secret }: Loopback,
): Promise<HandOverResult> {
  const [registry = "", ...path] = gun.split("/");
  if (path.length === 0) throw new UsageError("REFERENCE_INVALID", `${gun} is no repository of a registry`);
  const reference = { registry, repository: path.join("/"), tag: undefined, digest: undefined };
  const env = { ...options.env, DOCKER_CONTENT_TRUST_SERVER: url };
  const context = await openTrustContext({ ...options, reference, env, access: "admin", allowPlainHttpLoopback: true });
  try {
    const send = http.request.bind(http);
    const authorised: typeof send = (request) =>
      send({ ...request, headers: { ...request.headers, authorization: secret } });
    return await handOver({ ...context, repository: new TrustServerClient({ url, gun, send: authorised }) });
  } finally {
    context.close();
  }
}

/** Others on this machine could reach the port, too. */
function onlyWith(secret: string): Authorise {
  return async ({ headers }) => {
    const given = headers.authorization ?? "";
    const allowed = timingSafeEqual(sha256(Buffer.from(given)), sha256(Buffer.from(secret)));
    return allowed ? { allowed } : { allowed: false, challenge: "Bearer" };
  };
}
