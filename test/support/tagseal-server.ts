/** Tagseal's trust server as users run it: `tagseal server` in a separate process. */
import { certificates } from "./certificates.ts";
import { tagsealCommand } from "./clients.ts";
import { healthy, type TrustServer } from "./notary-server.ts";
import { freePort, type Environment, type Scope } from "./processes.ts";

/** Settings of `tagseal server`. */
export interface TagsealServerOptions {
  /** data directory; default a new one below the scope. Give the same one twice to restart on existing data */
  readonly data?: string;
  /** listen here instead of on a free port */
  readonly port?: number;
  /** further command line arguments */
  readonly args?: readonly string[];
  readonly env?: Environment;
}

/** Starts the server with the scope's certificate and waits until it is healthy. */
export async function startTagsealServer(
  scope: Scope,
  options: TagsealServerOptions = {},
): Promise<TrustServer & { readonly data: string }> {
  const certificate = await certificates(scope);
  const port = options.port ?? (await freePort());
  const data = options.data ?? scope.path(`tagseal-server-${port}`);
  const tls = ["--tls-cert", certificate.serverCertificate, "--tls-key", certificate.serverKey];
  const url = `https://localhost:${port}`;
  const running = await scope.start(
    "tagseal-server",
    tagsealCommand,
    ["server", "--listen", `127.0.0.1:${port}`, "--data", data, ...tls, ...(options.args ?? [])],
    {
      env: { HOME: scope.directory, ...options.env },
      ready: () => healthy(url, certificate.ca),
    },
  );
  return { url, port, ca: certificate.ca, process: running, data };
}
