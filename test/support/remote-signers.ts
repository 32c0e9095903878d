/** Signers in this process as servers reach them: over the network, with certificates on both sides. */
import { randomBytes } from "node:crypto";
import { after, before, type TestContext } from "node:test";
import { openRemoteSigningService, type RemoteSignerOptions } from "../../src/server/signer/remote-signing-service.ts";
import type { SignerOptions } from "../../src/server/signer/signer-options.ts";
import type { NamesKey, SigningService } from "../../src/server/signer/signing-service.ts";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { type RunningSigner, startSigner } from "../../src/server/signer/start-signer.ts";
import type { Reopen } from "../contract/signing-service.ts";
import { type Certificates, certificates } from "./certificates.ts";
import { needsOpenssl } from "./openssl.ts";
import { Scope } from "./processes.ts";

/** The clock of signers and servers. */
export const signerNow = (): Date => new Date("2026-11-23T04:00:00Z");

/** A server's side of the connection. */
export interface Using extends Partial<RemoteSignerOptions> {
  readonly port: number;
  /** the using server's own table */
  readonly tablePath: string;
  readonly namesKey?: NamesKey;
}

/** What the tests of one file share: two authorities, and a directory. */
export class RemoteSigners {
  readonly #scope = new Scope("remote-signer");
  #authorities: readonly Certificates[] = [];

  /** Made before the tests of a file, and removed after them. */
  static forFile(): RemoteSigners {
    const signers = new RemoteSigners();
    before(async () => {
      if (needsOpenssl !== false) return;
      signers.#authorities = [await certificates(signers.#scope), await certificates(signers.#scope, "strange")];
    });
    after(() => signers.#scope.close());
    return signers;
  }

  /** Of the authority that signers and servers trust. */
  get trusted(): Certificates {
    return this.#of(0);
  }

  /** Of another authority. */
  get strange(): Certificates {
    return this.#of(1);
  }

  #of(index: number): Certificates {
    const found = this.#authorities[index];
    if (found === undefined) throw new TypeError("no test has begun");
    return found;
  }

  /** An unused path. */
  fresh(name: string): string {
    return this.#scope.path(`${name}-${randomBytes(6).toString("hex")}`);
  }

  /** Starts a signer on the data of a directory. */
  async signerAt(t: TestContext, dataDir: string, options: Partial<SignerOptions> = {}): Promise<RunningSigner> {
    const { serverCertificate: certFile, serverKey: keyFile, ca: clientCaFile } = this.trusted;
    const tls = { certFile, keyFile };
    const signer = await startSigner({
      host: "127.0.0.1",
      port: 0,
      tls,
      clientCaFile,
      dataDir,
      now: signerNow,
      ...options,
    });
    t.after(() => signer.close());
    return signer;
  }

  /** Connects a server to a signer. */
  async use(t: TestContext, { tablePath, ...options }: Using): Promise<SigningService> {
    const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = this.trusted;
    const service = await openRemoteSigningService({
      host: "localhost",
      certFile,
      keyFile,
      caFile,
      table: new SqliteKeyTable(tablePath),
      namesKey: async () => false,
      now: signerNow,
      ...options,
    });
    t.after(() => service.close());
    return service;
  }

  /** A new signer, and what connects servers with one table to it. */
  async start(t: TestContext, options: Partial<RemoteSignerOptions> = {}): Promise<Reopen> {
    const { port } = await this.signerAt(t, this.fresh("signer"));
    const tablePath = this.fresh("server.db");
    return (namesKey = async () => false) => this.use(t, { port, tablePath, namesKey, ...options });
  }
}
