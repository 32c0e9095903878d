import { constants, createPrivateKey, hkdfSync } from "node:crypto";
import type { Server, ServerOptions as HttpsOptions } from "node:https";
import type { SecureContext, SecureContextOptions } from "node:tls";
import { answerNames, secureContextOf, type TlsFiles, type TlsPaths, watchTlsFiles } from "../../service/tls-files.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";

/**
 * Go's order, as in Notary: equally strong, and a tenth cheaper for a new connection, since processors have instructions for SHA-256 and not for
 * SHA-384. Clients that support only other suites get those.
 */
const firstCipher = "TLS_AES_128_GCM_SHA256";
const ciphers = [firstCipher, ...constants.defaultCoreCipherList.split(":").filter((name) => name !== firstCipher)];

/** What TLS needs to verify client certificates. */
export interface ClientCertificates {
  /** PEM text of the authorities */
  authorities(): Promise<Buffer>;
  readonly required: boolean;
}

/** The server's TLS files, which may change while it runs. */
export class ServerTls {
  readonly #isRequired: boolean;
  #files: TlsFiles;
  /** PEM text; undefined when client certificates are not requested */
  #authorities: Buffer | undefined;
  #server: Server | undefined;
  #named: SecureContext | undefined;
  readonly #secrets = new Map<string, Buffer>();

  private constructor(files: TlsFiles, authorities: Buffer | undefined, isRequired: boolean) {
    this.#files = files;
    this.#authorities = authorities;
    this.#isRequired = isRequired;
  }

  /** @throws TagsealError `SERVER_CONFIGURATION` */
  static async open(paths: TlsPaths, clients: ClientCertificates | undefined, parts: WatchParts): Promise<ServerTls> {
    let opened: ServerTls | undefined;
    const onChange = (next: TlsFiles): void => {
      if (opened !== undefined) opened.#useFiles(next);
    };
    const { current } = await watchTlsFiles(paths, { ...parts, part: "server_certificate", onChange });
    opened = new ServerTls(current, await clients?.authorities(), clients?.required ?? false);
    return opened;
  }

  /** The options of a new server. A certificate without a trusted issuer counts as none, unless one is required. */
  get options(): HttpsOptions {
    const asked = this.#authorities && { requestCert: true, rejectUnauthorized: this.#isRequired };
    const SNICallback = answerNames(() => (this.#named ??= secureContextOf(this.#context())));
    return { ...this.#context(), ...asked, ...(this.#authorities && { SNICallback }) };
  }

  /** A secret for one purpose, the same for all servers with this private key. It changes with the key. */
  secretFor(purpose: string): Buffer {
    const known = this.#secrets.get(purpose);
    if (known !== undefined) return known;
    const der = createPrivateKey(this.#files.key).export({ type: "pkcs8", format: "der" });
    const secret = Buffer.from(hkdfSync("sha256", der, new Uint8Array(), purpose, 32));
    this.#secrets.set(purpose, secret);
    return secret;
  }

  /** Sets the server that receives changed certificates. */
  attach(server: Server): void {
    this.#server = server;
  }

  /** Closes idle connections: they were opened under the old authorities. */
  useAuthorities(authorities: Buffer): void {
    this.#authorities = authorities;
    this.#named = undefined;
    this.#server?.setSecureContext(this.#context());
    this.#server?.closeIdleConnections();
  }

  /** Changes apply to new connections. */
  #useFiles(files: TlsFiles): void {
    this.#files = files;
    this.#secrets.clear();
    this.#named = undefined;
    this.#server?.setSecureContext(this.#context());
  }

  #context(): SecureContextOptions {
    const ca = this.#authorities && { ca: this.#authorities };
    return { ...this.#files, ...ca, minVersion: "TLSv1.2", ciphers: ciphers.join(":") };
  }
}
