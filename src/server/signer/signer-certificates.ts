import { type TlsFiles, watchAuthorities, watchTlsFiles } from "../../service/tls-files.ts";
import type { WatchedFiles, WatchParts } from "../../service/watching/watched-files.ts";
import type { RunningGrpcServer } from "./grpc/grpc-server.ts";
import type { MutualTls } from "./grpc/server-credentials.ts";
import type { SignerOptions } from "./signer-options.ts";

/** The signer's TLS files, which may change while it runs. */
export class SignerCertificates {
  readonly #pair: WatchedFiles<TlsFiles>;
  readonly #authorities: WatchedFiles<Buffer>;
  #server: RunningGrpcServer | undefined;

  private constructor(pair: WatchedFiles<TlsFiles>, authorities: WatchedFiles<Buffer>) {
    this.#pair = pair;
    this.#authorities = authorities;
  }

  /** @throws TagsealError `SERVER_CONFIGURATION` */
  static async open({ tls, clientCaFile }: SignerOptions, parts: WatchParts): Promise<SignerCertificates> {
    let opened: SignerCertificates | undefined;
    const onChange = (): void => {
      if (opened !== undefined) opened.#renew();
    };
    const pair = await watchTlsFiles(tls, { ...parts, part: "signer_certificate", onChange });
    const authorities = await watchAuthorities(clientCaFile, { ...parts, part: "client_authorities", onChange });
    opened = new SignerCertificates(pair, authorities);
    return opened;
  }

  get current(): MutualTls {
    return { ...this.#pair.current, clientCa: this.#authorities.current };
  }

  /** Sets the server that receives changed certificates. */
  attach(server: RunningGrpcServer): void {
    this.#server = server;
  }

  /** Changes apply to new connections: callers on open ones have already authenticated. */
  #renew(): void {
    this.#server?.useCertificates(this.current);
  }
}
