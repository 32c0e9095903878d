/** A real OCI registry on loopback, Debian's `docker-registry` or today's: open, with a password file, with tokens, or with certificates. */
import { mkdirSync, writeFileSync } from "node:fs";
import { documentedCertificate, type Machine } from "./machine.ts";
import type { Certificates } from "./certificates.ts";
import { findGoPeer } from "./go-peers.ts";
import { freePort, portAnswers, type Running, type Scope } from "./processes.ts";

/** A running registry. */
export interface Registry {
  /** `localhost:<port>`, the first part of an image's name */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** where it keeps blobs and manifests, for tests that tamper with them */
  readonly storage: string;
  readonly process: Running;
}

/** Settings of a registry. Without either, all clients may do everything. */
export interface RegistryOptions {
  /** lines of an htpasswd file; bcrypt hashes only */
  readonly htpasswd?: string;
  /** token authentication, as the registry's configuration spells it under `auth.token` */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly rootcertbundle: string;
  };
  /** speaks TLS; with `clientAuthority` it takes only clients with a certificate of that one */
  readonly tls?: Pick<Certificates, "ca" | "serverCertificate" | "serverKey"> & { readonly clientAuthority?: string };
  /** is a cache in front of another registry, which has this authority's certificate */
  readonly proxyOf?: { readonly url: string; readonly ca: string };
  /** 2 is Debian's, the default; 3 is today's distribution */
  readonly version?: 2 | 3;
  /** where it is registry.example.com, with TLS; default: on a free port of this machine */
  readonly machine?: Machine;
}

function authentication(options: RegistryOptions, passwordFile: string): object {
  if (options.htpasswd !== undefined) return { auth: { htpasswd: { realm: "test registry", path: passwordFile } } };
  if (options.token !== undefined) return { auth: { token: options.token } };
  return {};
}

interface Address {
  readonly host: string;
  readonly port: number;
  /** in the registry's configuration */
  readonly http: object;
}

async function addressFor(scope: Scope, { machine, tls }: RegistryOptions): Promise<Address> {
  if (machine !== undefined) {
    const { serverCertificate: certificate, serverKey: key } = await documentedCertificate(scope);
    return { host: "registry.example.com", port: 443, http: { addr: "127.0.0.1:443", tls: { certificate, key } } };
  }
  const port = await freePort();
  const clientcas = tls?.clientAuthority === undefined ? {} : { clientcas: [tls.clientAuthority] };
  const door = tls && { tls: { certificate: tls.serverCertificate, key: tls.serverKey, ...clientcas } };
  return { host: `localhost:${port}`, port, http: { addr: `127.0.0.1:${port}`, ...door } };
}

/** Starts a registry and waits until it answers. */
export async function startDockerRegistry(scope: Scope, options: RegistryOptions = {}): Promise<Registry> {
  const { machine, version = 2, proxyOf } = options;
  const command = version === 2 ? "docker-registry" : (findGoPeer("registry") ?? "registry");
  const { host, port, http } = await addressFor(scope, options);
  const directory = scope.path(`registry-${port}`);
  mkdirSync(directory, { recursive: true });
  if (options.htpasswd !== undefined) writeFileSync(`${directory}/htpasswd`, options.htpasswd);
  const configuration = {
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: `${directory}/data` }, delete: { enabled: true } },
    http,
    ...authentication(options, `${directory}/htpasswd`),
    ...(proxyOf === undefined ? {} : { proxy: { remoteurl: proxyOf.url } }),
  };
  writeFileSync(`${directory}/configuration.yml`, JSON.stringify(configuration)); // JSON is YAML
  const words = [...(machine?.enter ?? []), command, "serve", `${directory}/configuration.yml`] as const;
  const [program, ...args] = words;
  const url = machine === undefined && options.tls === undefined ? `http://${host}` : `https://${host}`;
  const running = await scope.start("docker-registry", program, args, {
    ready: () => (machine === undefined ? portAnswers(port) : machine.answers(url)),
    ...(proxyOf === undefined ? {} : { env: { SSL_CERT_FILE: proxyOf.ca } }),
  });
  return { host, port, url, storage: `${directory}/data`, process: running };
}
