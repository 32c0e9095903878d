/** The reference trust server and signer (Debian's `notary` package) on loopback, over TLS. */
import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { certificates, type Certificates } from "./certificates.ts";
import { startMariadb, startPostgres, type Database } from "./database.ts";
import { serverSchema, signerSchema } from "./notary-schema.ts";
import { freePort, portAnswers, readText, type Environment, type Running, type Scope } from "./processes.ts";

/** A running trust server, theirs or ours. */
export interface TrustServer {
  /** `https://localhost:<port>` */
  readonly url: string;
  readonly port: number;
  /** PEM file of the authority of its certificate */
  readonly ca: string;
  readonly process: Running;
}

/** The reference server with what stands behind it. */
export interface NotaryServer extends TrustServer {
  /** where server and signer keep their rows; undefined for the stores in memory */
  readonly database: Database | undefined;
  /** its configuration files, as an operator has them */
  readonly configuration: { readonly server: string; readonly signer: string };
  /**
   * Starts the signer again, with another alias for new keys, and the server: it would answer 500 until it connects again by itself. Every alias's
   * passphrase stays known.
   */
  useAlias(alias: SignerAlias): Promise<void>;
  /** Ends server and signer. The database keeps running. */
  stop(): Promise<void>;
}

/** Names of the signer's passphrases. */
export type SignerAlias = keyof typeof signerPassphrases;

/** The signer's passphrases, by alias. */
export const signerPassphrases = { alias1: "throwaway", alias2: "throwaway again" } as const;

/** What the reference server keeps its files in. `local` is memory with Ed25519 server keys and no signer process. */
export type NotaryStore = "memory" | "local" | "postgres" | "mysql";

/** Settings of a reference server. */
export interface NotaryOptions {
  /** default `memory` */
  readonly store?: NotaryStore;
  /** token authentication, as the server's configuration file spells it under `auth.options` */
  readonly auth?: Readonly<Record<string, string>>;
  readonly gunPrefixes?: readonly string[];
  /** use the signer that listens here instead of starting one */
  readonly signerPort?: number;
  /** `ecdsa` when absent */
  readonly keyAlgorithm?: "ecdsa" | "ed25519";
}

/** Answers once the server's own health check is content. */
export function healthy(url: string, ca: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get(`${url}/_notary_server/health`, { ca: readText(ca), agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.on("error", () => resolve(false));
  return promise;
}

/** A running reference signer. */
export interface NotarySigner {
  readonly port: number;
  readonly configuration: string;
  readonly process: Running;
}

/** Settings of a reference signer. */
export interface NotarySignerOptions {
  /** listen here instead of on a free port */
  readonly port?: number;
  /** default: its keys last as long as the process */
  readonly database?: Database | undefined;
  /** what new keys are sealed under; `alias1` when absent */
  readonly alias?: SignerAlias;
  readonly env?: Environment;
}

/** Starts notary-signer with the scope's certificate. It takes callers whose certificate is of the same authority. */
export async function startNotarySigner(scope: Scope, options: NotarySignerOptions = {}): Promise<NotarySigner> {
  const certificate = await certificates(scope);
  const { port = await freePort(), database, alias = "alias1" } = options;
  const storage =
    database === undefined
      ? { backend: "memory", default_alias: alias }
      : { backend: database.kind, db_url: database.url("notarysigner"), default_alias: alias };
  mkdirSync(scope.path("notary"), { recursive: true });
  const configuration = scope.path("notary", `signer-${port}.json`);
  const tls = {
    tls_cert_file: certificate.serverCertificate,
    tls_key_file: certificate.serverKey,
    client_ca_file: certificate.ca,
  };
  writeFileSync(
    configuration,
    JSON.stringify({ server: { grpc_addr: `127.0.0.1:${port}`, ...tls }, logging: { level: "error" }, storage }),
  );
  const { alias1, alias2 } = signerPassphrases;
  const running = await scope.start("notary-signer", "notary-signer", ["-config", configuration], {
    env: { NOTARY_SIGNER_ALIAS1: alias1, NOTARY_SIGNER_ALIAS2: alias2, ...options.env },
    ready: () => portAnswers(port),
  });
  return { port, configuration, process: running };
}

async function startDatabase(scope: Scope, store: NotaryStore): Promise<Database | undefined> {
  if (store === "memory" || store === "local") return undefined;
  const database = store === "postgres" ? await startPostgres(scope) : await startMariadb(scope);
  await database.create("notaryserver", serverSchema(database.kind));
  await database.create("notarysigner", signerSchema(database.kind));
  return database;
}

function trustService(certificate: Certificates, signerPort: number | undefined, algorithm = "ecdsa"): object {
  if (signerPort === undefined) return { type: "local" };
  const tls = {
    tls_ca_file: certificate.ca,
    tls_client_cert: certificate.serverCertificate,
    tls_client_key: certificate.serverKey,
  };
  return { type: "remote", hostname: "localhost", port: String(signerPort), key_algorithm: algorithm, ...tls };
}

/** Starts notary-server, with notary-signer and a database when the store asks for them, and waits until it is healthy. */
export async function startNotary(scope: Scope, options: NotaryOptions = {}): Promise<NotaryServer> {
  const store = options.store ?? "memory";
  mkdirSync(scope.path("notary"), { recursive: true });
  const certificate = await certificates(scope);
  const database = await startDatabase(scope, store);
  const hasOwnSigner = store !== "local" && options.signerPort === undefined;
  let signer = hasOwnSigner ? await startNotarySigner(scope, { database }) : undefined;
  const port = await freePort();
  const file = scope.path("notary", `server-${port}.json`);
  const configuration = {
    server: {
      http_addr: `127.0.0.1:${port}`,
      tls_cert_file: certificate.serverCertificate,
      tls_key_file: certificate.serverKey,
    },
    trust_service: trustService(certificate, options.signerPort ?? signer?.port, options.keyAlgorithm),
    logging: { level: "error" },
    storage:
      database === undefined ? { backend: "memory" } : { backend: database.kind, db_url: database.url("notaryserver") },
    ...(options.auth === undefined ? {} : { auth: { type: "token", options: options.auth } }),
    ...(options.gunPrefixes === undefined ? {} : { repositories: { gun_prefixes: options.gunPrefixes } }),
  };
  writeFileSync(file, JSON.stringify(configuration));
  const url = `https://localhost:${port}`;
  const start = async (): Promise<Running> =>
    await scope.start("notary-server", "notary-server", ["-config", file], {
      ready: () => healthy(url, certificate.ca),
    });
  let running = await start();
  return {
    url,
    port,
    ca: certificate.ca,
    get process() {
      return running;
    },
    database,
    configuration: { server: file, signer: signer?.configuration ?? "" },
    async useAlias(alias) {
      if (signer === undefined) return;
      await Promise.all([running.stop(), signer.process.stop()]);
      signer = await startNotarySigner(scope, { database, alias, port: signer.port });
      running = await start();
    },
    async stop() {
      await Promise.all([running.stop(), signer?.process.stop()]);
    },
  };
}
