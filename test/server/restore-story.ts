/** A trust server that is restored from a backup, its publisher, and readers whose machines remember what was lost. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { backUp } from "../../src/server/storage/copy-databases.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { type RunningServer, startServer } from "../../src/server/run/start-server.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { certificates } from "../support/certificates.ts";
import { deleteCollection } from "../support/delete-collection.ts";
import { client, type Client, freePort, type Scope } from "../support/peers.ts";

/** What a restore puts back; the rest stays as it is. */
export type RestoredDatabase = "metadata.db" | "signer.db";

/** A server that loses what its backup does not have, and its users. */
export class RestoreStory {
  readonly #scope: Scope;
  readonly #options: Partial<ServerOptions>;
  readonly #contexts: TrustContext[] = [];
  readonly #keys = new Map<string, MemoryKeyStore>();
  readonly dataDir: string;
  readonly port: number;
  #server: RunningServer | undefined;
  #tls: { readonly certFile: string; readonly keyFile: string; readonly ca: string } | undefined;

  private constructor(scope: Scope, port: number, options: Partial<ServerOptions>) {
    this.#scope = scope;
    this.#options = options;
    this.port = port;
    this.dataDir = scope.path(`data-${port}`);
  }

  /** Starts a server on a free port, with the embedded databases. */
  static async begin(scope: Scope, options: Partial<ServerOptions> = {}): Promise<RestoreStory> {
    const story = new RestoreStory(scope, await freePort(), options);
    const { serverCertificate: certFile, serverKey: keyFile, ca } = await certificates(scope);
    story.#tls = { certFile, keyFile, ca };
    await story.start();
    scope.defer(async () => await story.#close());
    return story;
  }

  /** A user with a separate home; the same name is the same user. */
  user(name: string): Client {
    const server = { url: `https://localhost:${this.port}`, port: this.port, ca: this.#tls?.ca ?? "" };
    return client(this.#scope, { server, name: `${name}-${this.port}` });
  }

  async start(): Promise<void> {
    const { certFile = "", keyFile = "" } = this.#tls ?? {};
    const address = { host: "127.0.0.1", port: this.port, dataDir: this.dataDir, tls: { certFile, keyFile } };
    this.#server = await startServer({ ...address, ...this.#options });
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Deletes a repository on the server, which is running. */
  async delete(gun: string): Promise<void> {
    await deleteCollection(`https://localhost:${this.port}`, gun, this.#tls?.ca);
  }

  /** Takes a backup as `tagseal server backup` does. @returns its directory */
  async backUp(): Promise<string> {
    const directory = this.#scope.path(`backups-${this.port}`);
    mkdirSync(directory, { recursive: true });
    const to = join(mkdtempSync(join(directory, "backup-")), "copy");
    await backUp({ dataDir: this.dataDir, databases: ["metadata.db", "signer.db"], to });
    return to;
  }

  /** Puts databases of a backup in the place of those of today, and starts the server again. */
  async restore(backup: string, databases: readonly RestoredDatabase[] = ["metadata.db", "signer.db"]): Promise<void> {
    await this.stop();
    for (const name of databases) {
      for (const ending of ["", "-wal", "-shm"]) rmSync(join(this.dataDir, name + ending), { force: true });
      cpSync(join(backup, name), join(this.dataDir, name));
    }
    await this.start();
  }

  /** Runs `tagseal server raise` beside the server. @returns what it printed; throws when it failed */
  async raise(...argv: readonly string[]): Promise<string> {
    const operator = this.user("operator");
    const { code, stdout, stderr } = await tagseal(operator, "server", "raise", "--data", this.dataDir, ...argv);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Opens a collection as this person, whose trust data are where docker and notary have theirs. Keys are in memory; those of `keysOf`. */
  async open(user: Client, gun: string, keysOf = user): Promise<TrustContext> {
    const keys = this.#keys.get(keysOf.dockerConfig) ?? new MemoryKeyStore();
    this.#keys.set(keysOf.dockerConfig, keys);
    const context = await openTrustContext({
      reference: parseImageReference(gun),
      dockerConfigDir: user.dockerConfig,
      env: user.env,
      access: "admin",
      keys,
    });
    this.#contexts.push(context);
    return context;
  }

  async #close(): Promise<void> {
    for (const context of this.#contexts) context.close();
    await this.stop();
  }
}

/** A command line that has ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `tagseal` in this process, as this person. */
export async function tagseal(user: Client, ...argv: readonly string[]): Promise<Ended> {
  const { io, stdout, stderr } = captured({ env: user.env, now: () => new Date() });
  const code = await main([...argv], io);
  return { code, stdout: stdout(), stderr: stderr() };
}
