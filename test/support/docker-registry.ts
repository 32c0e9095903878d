/** A real OCI registry (Debian's `docker-registry`) on loopback over plain HTTP: open, with a password file, or with tokens. */
import { mkdirSync, writeFileSync } from "node:fs";
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

/** Settings of a registry. Without either, everybody may do everything. */
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
}

function authentication(options: RegistryOptions, passwordFile: string): object {
  if (options.htpasswd !== undefined) return { auth: { htpasswd: { realm: "test registry", path: passwordFile } } };
  if (options.token !== undefined) return { auth: { token: options.token } };
  return {};
}

/** Starts a registry on a free port and waits until it answers. */
export async function startDockerRegistry(scope: Scope, options: RegistryOptions = {}): Promise<Registry> {
  const port = await freePort();
  const directory = scope.path(`registry-${port}`);
  mkdirSync(directory, { recursive: true });
  if (options.htpasswd !== undefined) writeFileSync(`${directory}/htpasswd`, options.htpasswd);
  const configuration = {
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: `${directory}/data` }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...authentication(options, `${directory}/htpasswd`),
  };
  writeFileSync(`${directory}/configuration.yml`, JSON.stringify(configuration)); // JSON is YAML
  const running = await scope.start("docker-registry", "docker-registry", ["serve", `${directory}/configuration.yml`], {
    ready: () => portAnswers(port),
  });
  return {
    host: `localhost:${port}`,
    port,
    url: `http://localhost:${port}`,
    storage: `${directory}/data`,
    process: running,
  };
}
