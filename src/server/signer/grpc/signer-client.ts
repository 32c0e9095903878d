/** Calls a signer in another process, ours or Notary's, by gRPC with certificates on both sides. */

import type * as Grpc from "@grpc/grpc-js";
import type { Client, ServiceError } from "@grpc/grpc-js";
import { TagsealError } from "../../../errors.ts";
import { secureContextOf, type TlsFiles, watchAuthorities, watchTlsFiles } from "../../../service/tls-files.ts";
import { currentRequestId, requestIdHeader } from "../../../service/current-request.ts";
import { unattended, type WatchParts } from "../../../service/watching/watched-files.ts";
import { loadGrpc } from "./load-grpc.ts";
import { healthServices, healthStatus } from "./messages.ts";
import { type Method, methods } from "./methods.ts";

/** Where a signer is, and how both sides prove who they are. */
export interface SignerAddress {
  readonly host: string;
  readonly port: number;
  /** PEM file of the authorities that may issue the signer's certificate; the system's when absent */
  readonly caFile?: string | undefined;
  /** PEM files of this server's certificate, which the signer demands, and its key */
  readonly certFile: string;
  readonly keyFile: string;
}

/** Numbers of the gRPC statuses that are handled. */
const status = { deadlineExceeded: 4, notFound: 5, permissionDenied: 7, unimplemented: 12, unavailable: 14 } as const;

const callTimeoutMs = 10_000;
/** how long the signer may take to read changed files of its side */
const renewalTimeoutMs = 30_000;
const maxReplyBytes = 1024 * 1024;

/** One connection, made when needed and again after a loss. */
export class SignerClient {
  #client: Client;
  /** connects with changed files; replaces the other when it is connected */
  #next: Client | undefined;
  readonly #open: () => Client;
  readonly #name: string;
  readonly #grpc: typeof Grpc;

  private constructor(open: () => Client, name: string, grpc: typeof Grpc) {
    this.#grpc = grpc;
    this.#open = open;
    this.#client = open();
    this.#name = name;
  }

  /**
   * Prepares the connection; the first call shows whether the signer answers. When certificate files change, calls use a new connection as
   * soon as the signer accepts it: it may read its own changed files some seconds later.
   *
   * @throws TagsealError `SERVER_CONFIGURATION` for files that cannot be used, or without the gRPC library
   */
  static async create(address: SignerAddress, parts: WatchParts = unattended()): Promise<SignerClient> {
    const grpc = await loadGrpc();
    const { host, port, caFile } = address;
    const name = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    let opened: SignerClient | undefined;
    const onChange = (): void => {
      if (opened !== undefined) opened.#renew();
    };
    const watching = { ...parts, onChange };
    const pair = await watchTlsFiles(address, { ...watching, part: "signer_certificate" });
    const authorities =
      caFile === undefined ? undefined : await watchAuthorities(caFile, { ...watching, part: "signer_authorities" });
    opened = new SignerClient(() => openClient(grpc, name, pair.current, authorities?.current), name, grpc);
    return opened;
  }

  #renew(): void {
    this.#next?.close();
    const next = this.#open();
    this.#next = next;
    // Connected or not: after the deadline a signer that the changed files do not fit must show.
    next.waitForReady(Date.now() + renewalTimeoutMs, () => {
      if (this.#next === next) this.#switchTo(next);
    });
  }

  #switchTo(next: Client): void {
    const old = this.#client;
    this.#client = next;
    this.#next = undefined;
    setTimeout(() => old.close(), callTimeoutMs).unref(); // calls under way end first
  }

  /**
   * Calls the signer; undefined when it does not know the key, or the call itself.
   *
   * @throws TagsealError `SIGNING_SERVICE_UNREACHABLE` when no answer comes, `SIGNING_SERVICE_FAILED` for an unexpected one
   */
  call<Request, Reply>(method: Method<Request, Reply>, request: Request): Promise<Reply | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply | undefined>();
    const { path, request: toSigner, reply: fromSigner } = method;
    const deadline = Date.now() + callTimeoutMs;
    this.#client.makeUnaryRequest(
      path,
      (message: Request) => toSigner.encode(message),
      (bytes: Buffer) => fromSigner.decode(bytes),
      request,
      this.#metadata(),
      { deadline },
      (error: ServiceError | null, reply?: Reply) => {
        if (error === null) resolve(reply);
        else if (isStatus(error, status.notFound, status.unimplemented)) resolve(undefined);
        else reject(this.#explained(error));
      },
    );
    return promise;
  }

  /**
   * Asks the signer for its health.
   *
   * @throws TagsealError as {@link call}; `SIGNING_SERVICE_FAILED` when it reports that it cannot work
   */
  async check(): Promise<void> {
    const services = healthServices.filter((name) => name !== "");
    const answers = await Promise.all(services.map((service) => this.call(methods.checkHealth, service)));
    const lacking = services.filter((_, index) => answers[index] !== healthStatus.serving);
    if (lacking.length === 0) return;
    throw new TagsealError(
      "SIGNING_SERVICE_FAILED",
      `The signer at ${this.#name} does not serve ${lacking.join(", ")}`,
      {
        hint: "Look into the signer's log.",
      },
    );
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    const next = this.#next;
    this.#next = undefined;
    next?.close();
    this.#client.close();
  }

  #metadata(): Grpc.Metadata {
    const metadata = new this.#grpc.Metadata();
    const requestId = currentRequestId();
    if (requestId !== undefined) metadata.set(requestIdHeader, requestId);
    return metadata;
  }

  #explained(cause: ServiceError): TagsealError {
    if (isStatus(cause, status.permissionDenied))
      return new TagsealError("SIGNING_SERVICE_FAILED", `The signer at ${this.#name} does not obey this server`, {
        cause,
        hint: "Start the signer with --caller and a name in the certificate of trust_service.tls_client_cert.",
      });
    if (!isStatus(cause, status.unavailable, status.deadlineExceeded))
      return new TagsealError("SIGNING_SERVICE_FAILED", `The signer at ${this.#name} answered: ${cause.details}`, {
        cause,
        hint: "Look into the signer's log.",
      });
    return new TagsealError("SIGNING_SERVICE_UNREACHABLE", `The signer at ${this.#name} does not answer`, {
      cause,
      hint: "Check that it runs, and that each side's CA file has the authority of the other side's certificate.",
    });
  }
}

function openClient(grpc: typeof Grpc, name: string, { cert, key }: TlsFiles, ca: Buffer | undefined): Client {
  const context = secureContextOf({ cert, key, ...(ca && { ca }) });
  return new grpc.Client(name, grpc.credentials.createFromSecureContext(context), {
    "grpc.max_receive_message_length": maxReplyBytes,
    // Reconnects within seconds after the signer is back; the library's default bound is two minutes.
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 2000,
    // A connection that died silently is noticed during a call, before the call's timeout.
    "grpc.keepalive_time_ms": 3000,
    "grpc.keepalive_timeout_ms": 3000,
    "grpc.enable_http_proxy": 0,
    "grpc.use_local_subchannel_pool": 1,
  });
}

function isStatus({ code }: ServiceError, ...statuses: readonly number[]): boolean {
  return statuses.includes(code);
}
