/* * What a platform team runs: two trust servers on PostgreSQL, a separate signer with its keys on a small disk, a load balancer in front,
 * and a registry. Each part can be broken from here, and reports its state.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { connect } from "node:tls";
import { certificates, reissued, type Certificates } from "../support/certificates.ts";
import { tagsealCommand } from "../support/clients.ts";
import { startPostgres, type Database } from "../support/database.ts";
import { ask } from "../support/https-request.ts";
import { healthy } from "../support/notary-server.ts";
import { freePort, runOk, type Environment, type Running, type Scope } from "../support/processes.ts";
import { startSandbox } from "../support/sandbox.ts";
import { startTagsealSigner } from "../support/tagseal-signer.ts";
import { openFrontDoor, type FrontDoor } from "./front-door.ts";

/** One of the servers, which can be stopped and started again where it was. */
export class DayServer {
  readonly port: number;
  /** its certificate and key, its own copies */
  readonly tls: { readonly certFile: string; readonly keyFile: string };
  readonly #scope: Scope;
  readonly #ca: string;
  readonly #env: Environment;
  readonly #clockFile: string;
  #running: Running | undefined;

  constructor(scope: Scope, name: string, port: number, made: Certificates, env: Environment) {
    this.port = port;
    this.#scope = scope;
    this.#ca = made.ca;
    this.#clockFile = scope.path(`${name}-clock`);
    mkdirSync(scope.path(name));
    this.tls = { certFile: scope.path(name, "tls.crt"), keyFile: scope.path(name, "tls.key") };
    copyFileSync(made.serverCertificate, this.tls.certFile);
    copyFileSync(made.serverKey, this.tls.keyFile);
    this.#env = { ...env, ...fakedClock(this.#clockFile) };
    this.setClock("+0");
  }

  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** Everything it has written since it was started last. */
  get log(): string {
    return this.#running?.log() ?? "";
  }

  async start(): Promise<void> {
    const { certFile, keyFile } = this.tls;
    const args = ["server", "--listen", `127.0.0.1:${this.port}`, "--tls-cert", certFile, "--tls-key", keyFile];
    const ready = (): Promise<boolean> => healthy(this.url, this.#ca);
    this.#running = await this.#scope.start("server", tagsealCommand, args, { env: this.#env, ready });
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#running?.stop(signal);
  }

  /** Sets its clock, in the notation of libfaketime: `+400d`, `-2h`, `+0`. */
  setClock(offset: string): void {
    // Renamed into place: a half-written file would be a half-right clock.
    writeFileSync(`${this.#clockFile}.new`, `${offset}\n`);
    renameSync(`${this.#clockFile}.new`, this.#clockFile);
  }

  /** Puts a new certificate with a new key where the old ones are, one file after the other, as people do. */
  async renewCertificate(): Promise<void> {
    const { serverCertificate, serverKey } = await reissued(this.#scope);
    copyFileSync(serverKey, this.tls.keyFile);
    await after(300);
    copyFileSync(serverCertificate, this.tls.certFile);
  }

  /** Of the certificate that it shows now; undefined when it shows none. */
  async fingerprint(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const socket = connect({ port: this.port, host: "localhost", ca: readFileSync(this.#ca) }, () =>
      resolve(socket.getPeerX509Certificate()?.fingerprint256),
    );
    socket.on("error", () => resolve(undefined));
    return await promise.finally(() => socket.destroy());
  }

  /** What `/_tagseal/ready` and the metrics name as not well; empty when there is no answer. */
  async faults(): Promise<string> {
    const [ready, metrics] = await Promise.all(
      ["/_tagseal/ready", "/metrics"].map(async (path) =>
        (await ask(this.#ca, "GET", this.url + path)).body.toString(),
      ),
    );
    const faults = (metrics ?? "").split("\n").filter((line) => /^tagseal_server_fault\{.*\} 1$/u.test(line));
    return [ready ?? "", ...faults].join("\n");
  }
}

/** libfaketime reads the offset of the clock from a file at every look; timers run on. */
function fakedClock(file: string): Environment {
  const library = faketimeLibrary();
  if (library === undefined) throw new Error("needs libfaketime");
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    FAKETIME_DONT_RESET: "1",
  };
}

/** Where Debian's package puts the library; undefined without it. */
export function faketimeLibrary(): string | undefined {
  for (const directory of readdirSync("/usr/lib").filter((name) => name.endsWith("-linux-gnu"))) {
    const path = join("/usr/lib", directory, "faketime/libfaketimeMT.so.1");
    try {
      readFileSync(path);
      return path;
    } catch {
      continue; // not for this architecture
    }
  }
  return undefined;
}

/** A running platform. */
export interface World {
  readonly scope: Scope;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly servers: readonly DayServer[];
  readonly door: FrontDoor;
  readonly ca: string;
  /** `localhost:PORT` */
  readonly registry: string;
  readonly signer: DaySigner;
  /** `tagseal server raise` beside the servers, after a backup of this age (`30s`) was restored. */
  raise(backupAge: string): Promise<void>;
}

/** The signer, on a disk that can be filled. */
export interface DaySigner {
  readonly data: string;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The trust servers' database. */
export const databaseName = "tagseal";
/** room for a write-ahead log of a few megabytes */
const diskKibibytes = 16_384;

/** Starts everything; it goes with the scope. */
export async function startWorld(scope: Scope): Promise<World> {
  const made = await certificates(scope);
  const sandbox = await startSandbox(scope); // for its registry
  const database = await startPostgres(scope);
  await database.create(databaseName, "");
  const signer = await startSigner(scope);
  const databaseUrl = database.url(databaseName);
  const env = serverEnvironment(scope, databaseUrl, signer.port, made);
  await runOk(tagsealCommand, ["server", "migrate", "--database", databaseUrl], { env: { HOME: scope.directory } });
  const ports = [await freePort(), await freePort()];
  const servers = ports.map((port, index) => new DayServer(scope, `server-${index + 1}`, port, made, env));
  for (const server of servers) await server.start();
  const door = await openFrontDoor(scope, ports, made.ca);
  const raise = async (backupAge: string): Promise<void> => {
    await runOk(tagsealCommand, ["server", "raise", "--all", "--backup-age", backupAge], { env });
  };
  const registry = sandbox.env["REGISTRY"] ?? "";
  return { scope, database, databaseUrl, servers, door, ca: made.ca, registry, signer, raise };
}

async function startSigner(scope: Scope): Promise<DaySigner & { readonly port: number }> {
  const data = smallDisk(scope, "signer-disk");
  let running = await startTagsealSigner(scope, { data });
  const { port } = running;
  return {
    data,
    port,
    start: async () => void (running = await startTagsealSigner(scope, { data, port })),
    stop: async (signal) => void (await running.process.stop(signal)),
  };
}

/** A file system of a few megabytes, unmounted with the scope. */
function smallDisk(scope: Scope, name: string): string {
  const directory = scope.path(name);
  mkdirSync(directory);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskKibibytes}k,mode=700`, "tagseal-day", directory]);
  scope.defer(() => void execFileSync("umount", ["-l", directory]));
  return directory;
}

function serverEnvironment(scope: Scope, databaseUrl: string, signerPort: number, made: Certificates): Environment {
  return {
    HOME: scope.directory,
    TAGSEAL_SERVER_STORAGE_BACKEND: "postgres",
    TAGSEAL_SERVER_STORAGE_DB_URL: databaseUrl,
    TAGSEAL_SERVER_TRUST_SERVICE_TYPE: "remote",
    TAGSEAL_SERVER_TRUST_SERVICE_HOSTNAME: "localhost",
    TAGSEAL_SERVER_TRUST_SERVICE_PORT: String(signerPort),
    TAGSEAL_SERVER_TRUST_SERVICE_TLS_CA_FILE: made.ca,
    TAGSEAL_SERVER_TRUST_SERVICE_TLS_CLIENT_CERT: made.serverCertificate,
    TAGSEAL_SERVER_TRUST_SERVICE_TLS_CLIENT_KEY: made.serverKey,
    // Short enough that timestamps are signed again many times a day of minutes.
    TAGSEAL_SERVER_FRESHNESS_TIMESTAMP_LIFETIME: "10m",
  };
}
