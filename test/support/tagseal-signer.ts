/** Tagseal's signer as operators run it: `tagseal signer` in a separate process. */
import { certificates } from "./certificates.ts";
import { tagsealCommand } from "./clients.ts";
import { freePort, type Environment, type Running, type Scope } from "./processes.ts";

/** A running signer. */
export interface TagsealSigner {
  readonly port: number;
  readonly data: string;
  readonly process: Running;
}

/** Settings of `tagseal signer`. */
export interface TagsealSignerOptions {
  /** listen here instead of on a free port */
  readonly port?: number;
  /** data directory; default a new one below the scope. Give the same one twice to restart on existing keys */
  readonly data?: string;
  readonly env?: Environment;
}

/** Starts the signer with the scope's certificate. It takes callers whose certificate is of the same authority. */
export async function startTagsealSigner(scope: Scope, options: TagsealSignerOptions = {}): Promise<TagsealSigner> {
  const certificate = await certificates(scope);
  const { port = await freePort() } = options;
  const data = options.data ?? scope.path(`tagseal-signer-${port}`);
  const tls = ["--tls-cert", certificate.serverCertificate, "--tls-key", certificate.serverKey];
  const address = ["--listen", `127.0.0.1:${port}`, "--data", data];
  const args = ["signer", ...address, ...tls, "--client-ca", certificate.ca, "--log-level", "debug"];
  const running = await scope.start("tagseal-signer", tagsealCommand, args, {
    env: { HOME: scope.directory, ...options.env },
    ready: (log) => log().includes('"listening"'),
  });
  return { port, data, process: running };
}
