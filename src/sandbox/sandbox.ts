/**
 * A registry and a trust server on this machine's loopback, with certificates, keys and passphrases that are worth nothing:
 * for newcomers, tests and demonstrations. The real servers, on real files; only the secrets are throwaways.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode, TagsealError } from "../errors.ts";
import type { UserAndPassword } from "../docker-config/credentials.ts";
import type { DemoImage } from "./demo-image.ts";
import { onlyUser } from "./only-user.ts";
import type { ThrowawayTls } from "./throwaway-tls.ts";
import { loadSandboxState, newSandboxSecrets, type SandboxState, saveSandboxState } from "./sandbox-state.ts";

/** Where a sandbox lives. */
export interface SandboxOptions {
  /** created if missing; an existing sandbox starts again with the same names, keys and images */
  readonly directory: string;
  /** 0 or undefined: any free port, and the same one again next time */
  readonly registryPort?: number | undefined;
  readonly serverPort?: number | undefined;
  /** the trust server's clock */
  readonly now?: () => Date;
  /** the only one who may use the trust server; every user of the machine when absent */
  readonly user?: UserAndPassword;
  /** takes the servers' log lines */
  readonly log?: (line: string) => void;
}

/** A server that can be stopped, and started again on the same port and files. */
export interface Stoppable {
  readonly url: string;
  close(): Promise<void>;
}

/** A running sandbox. */
export interface Sandbox {
  /** `127.0.0.1:PORT`, the first part of image names */
  readonly registryHost: string;
  readonly serverUrl: string;
  /** what to export so that tagseal, docker and notary use this sandbox */
  readonly environment: Readonly<Record<string, string>>;
  /** an image to begin with */
  readonly sampleImage: DemoImage;
  /** where the registry keeps its blobs */
  readonly registryDirectory: string;
  /** where the trust server keeps its database; copy it only while the server is stopped */
  readonly serverDirectory: string;
  stopTrustServer(): Promise<void>;
  startTrustServer(): Promise<void>;
  /** Stops both. The directory stays. */
  close(): Promise<void>;
}

/**
 * Starts a sandbox.
 *
 * @throws UsageError `FILE_UNREADABLE` for a damaged directory
 * @throws TagsealError `SERVER_CONFIGURATION` for a port that is taken
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { directory } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const old = await loadSandboxState(directory);
  const fresh = old ?? { registryPort: 0, serverPort: 0, ...newSandboxSecrets(new Date()) };
  const registryDirectory = join(directory, "registry");
  const serverDirectory = join(directory, "server");
  const registry = await startRegistryIn(registryDirectory, options.registryPort ?? fresh.registryPort);
  const server = new RestartableServer((port) => startTrustServerIn(serverDirectory, port, fresh.tls, options));
  let serverPort: number;
  try {
    serverPort = await server.start(options.serverPort ?? fresh.serverPort);
  } catch (error) {
    await registry.close();
    throw error;
  }
  const state = { ...fresh, registryPort: portOf(registry.url), serverPort };
  await saveSandboxState(directory, state);
  return {
    registryHost: `127.0.0.1:${state.registryPort}`,
    serverUrl: `https://127.0.0.1:${state.serverPort}`,
    environment: await writeDockerConfig(directory, state),
    sampleImage: await sampleImage(join(directory, "hello")),
    registryDirectory,
    serverDirectory,
    stopTrustServer: () => server.stop(),
    async startTrustServer() {
      await server.start(serverPort);
    },
    async close() {
      await Promise.all([server.stop(), registry.close()]);
    },
  };
}

/** The trust server, or none while it is stopped. */
class RestartableServer {
  readonly #starting: (port: number) => Promise<Stoppable>;
  #running: Stoppable | undefined;

  constructor(starting: (port: number) => Promise<Stoppable>) {
    this.#starting = starting;
  }

  /** @returns the port it answers on */
  async start(port: number): Promise<number> {
    this.#running ??= await this.#starting(port);
    return portOf(this.#running.url);
  }

  async stop(): Promise<void> {
    await this.#running?.close();
    this.#running = undefined;
  }
}

async function startRegistryIn(directory: string, port: number): Promise<Stoppable> {
  const { startRegistry } = await import("./registry/embedded-registry.ts");
  try {
    return await startRegistry({ directory, host: "127.0.0.1", port });
  } catch (error) {
    throw new TagsealError("SERVER_CONFIGURATION", `cannot start the registry on 127.0.0.1:${port}`, {
      cause: error,
      hint: "Choose another --registry-port, or stop what uses this one.",
    });
  }
}

async function startTrustServerIn(
  directory: string,
  port: number,
  tls: ThrowawayTls,
  { now, log, user }: SandboxOptions,
): Promise<Stoppable> {
  const certFile = join(directory, "tls.crt");
  const keyFile = join(directory, "tls.key");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(certFile, tls.certificate);
  await writeFile(keyFile, tls.key, { mode: 0o600 });
  const { startServer } = await import("../server/run/start-server.ts");
  const authorise = user === undefined ? undefined : onlyUser(user);
  const files = { dataDir: directory, tls: { certFile, keyFile } };
  return await startServer({ host: "127.0.0.1", port, ...files, authorise, now, log });
}

/** Lays out a docker configuration directory that trusts the sandbox's authority. */
async function writeDockerConfig(directory: string, state: SandboxState): Promise<Record<string, string>> {
  const config = join(directory, "docker");
  const tls = join(config, "tls", `127.0.0.1:${state.serverPort}`);
  await mkdir(tls, { recursive: true, mode: 0o700 });
  await writeFile(join(tls, "ca.crt"), state.tls.caCertificate);
  await writeFile(join(config, "config.json"), "{}\n", { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
    // An existing file may hold a login, so it is kept.
    if (systemCode(error) !== "EEXIST") throw error;
  });
  return {
    REGISTRY: `127.0.0.1:${state.registryPort}`,
    DOCKER_CONFIG: config,
    DOCKER_CONTENT_TRUST: "1",
    DOCKER_CONTENT_TRUST_SERVER: `https://127.0.0.1:${state.serverPort}`,
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: state.passphrase,
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: state.passphrase,
  };
}

async function sampleImage(directory: string): Promise<DemoImage> {
  const { writeDemoImage } = await import("./demo-image.ts");
  return await writeDemoImage(directory, { version: "1.0", message: "Hello from the Tagseal sandbox" });
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
