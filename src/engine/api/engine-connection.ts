/** HTTP to docker's engine, wherever it is. One connection for each request: a command makes only three or four. */
import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import type { Duplex } from "node:stream";
import { NetworkError, type TagsealError, cancelled, systemCode } from "../../errors.ts";
import type { EngineAddress } from "./engine-address.ts";

/** One request. None of those used here needs a body. */
export interface EngineRequest {
  readonly method: "DELETE" | "GET" | "HEAD" | "POST";
  /** with its query */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The engine's answer. Its body must be read or discarded. */
export interface EngineResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** throws what {@link EngineConnection.request} throws when the connection breaks */
  readonly body: AsyncIterable<Uint8Array>;
  discard(): void;
}

/** Everything a connection needs besides the address. */
export interface ConnectionOptions {
  /** starts `docker system dial-stdio` and gives its standard streams */
  readonly dialStdio: () => Duplex;
  readonly signal?: AbortSignal | undefined;
}

/** Speaks HTTP to an engine. */
export class EngineConnection {
  readonly #address: EngineAddress;
  readonly #options: ConnectionOptions;

  constructor(address: EngineAddress, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** @throws NetworkError `ENGINE_UNREACHABLE`; TagsealError `CANCELLED` */
  async request(request: EngineRequest): Promise<EngineResponse> {
    const { signal } = this.#options;
    if (signal?.aborted === true) throw cancelled(signal);
    const sent = await this.#send(request);
    try {
      const message = await answer(sent);
      return {
        status: message.statusCode ?? 0,
        headers: message.headers,
        body: this.#body(message),
        discard: () => void message.resume(),
      };
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #send({ method, path, headers }: EngineRequest): Promise<ClientRequest> {
    const { signal } = this.#options;
    const common = {
      method,
      path,
      headers: { ...headers },
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    } as const;
    const address = this.#address;
    // the engine only requires that there is a host name
    if (address.kind === "unix") return started({ ...common, socketPath: address.path, host: "docker" });
    if (address.kind === "tcp") {
      const { host, port } = address;
      return address.tls === undefined ? started({ ...common, host, port }) : await this.#secure(common, address);
    }
    // with an agent, even the default one, Node.js would open the connection itself
    const { agent: _none, ...rest } = common;
    return started({ ...rest, host: "docker", createConnection: this.#options.dialStdio });
  }

  async #secure(common: RequestOptions, address: Extract<EngineAddress, { kind: "tcp" }>): Promise<ClientRequest> {
    const { request: httpsRequest } = await import("node:https");
    const { ca, cert, key, verify } = address.tls ?? { verify: true };
    const material = Object.fromEntries(Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined));
    const sent = httpsRequest({
      ...common,
      ...material,
      host: address.host,
      port: address.port,
      rejectUnauthorized: verify,
    });
    sent.end();
    return sent;
  }

  async *#body(message: IncomingMessage): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of message) yield chunk as Buffer; // no encoding is set, so chunks are buffers
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): TagsealError {
    const { signal } = this.#options;
    if (signal?.aborted === true) return cancelled(signal);
    const where = addressText(this.#address);
    if (systemCode(error) === "EACCES") {
      const message = `permission denied while trying to connect to the Docker daemon socket at ${where}`;
      return new NetworkError("ENGINE_UNREACHABLE", message, {
        cause: error,
        hint: "Join the group docker, or use sudo.",
      });
    }
    const message = `Cannot connect to the Docker daemon at ${where}. Is the docker daemon running?`;
    const reason = error instanceof Error && error.message !== "" ? error.message : systemCode(error);
    return new NetworkError("ENGINE_UNREACHABLE", message, {
      cause: error,
      hint: `Check the address and that the daemon runs: ${reason}.`,
    });
  }
}

function started(options: RequestOptions): ClientRequest {
  const sent = httpRequest(options);
  sent.end();
  return sent;
}

async function answer(sent: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.once("response", resolve);
  sent.on("error", reject);
  return await promise;
}

/** The address as docker writes it. */
export function addressText(address: EngineAddress): string {
  if (address.kind === "unix") return `unix://${address.path}`;
  if (address.kind === "stdio") return address.name;
  return `tcp://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
