/**
 * An OCI registry in this process, for newcomers, demonstrations and tests: the real distribution API over files. It has no authentication
 * and is meant for loopback.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { answerRefusal, RegistryRefusal } from "./registry-answer.ts";
import { handle } from "./registry-handler.ts";
import type { RegistryHooks } from "./registry-hooks.ts";
import { parseRegistryRoute } from "../../registry/registry-route.ts";
import { RegistryStore } from "./registry-store.ts";

/** Settings of {@link startRegistry}. */
export interface RegistryOptions {
  /** made when absent; what an earlier run stored is served again */
  readonly directory: string;
  /** 127.0.0.1 when absent */
  readonly host?: string;
  /** any free one when absent or 0 */
  readonly port?: number;
  /** PEM certificate chain and key; plain HTTP when absent */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** may be changed while the registry runs */
  readonly hooks?: RegistryHooks;
}

/** A registry that is listening. */
export interface RunningRegistry {
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** what stands before the slash in an image name: `127.0.0.1:5000` */
  readonly host: string;
  /** the live hooks: assign to them to make the registry misbehave, set them to undefined to make it honest again */
  readonly hooks: RegistryHooks;
  /** Ends every connection and stops. */
  close(): Promise<void>;
}

/** Starts a registry and resolves once it accepts connections. Rejects with the system's error when it cannot listen. */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const { host = "127.0.0.1", port = 0, tls, hooks = {} } = options;
  const store = new RegistryStore(options.directory);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response, store, hooks).catch((error: unknown) => fail(error, request, response));
  };
  const server = await createServer(tls, listener);
  await listen(server, host, port);
  const address = server.address();
  const actualPort = typeof address === "object" && address !== null ? address.port : port;
  const name = `${host.includes(":") ? `[${host}]` : host}:${actualPort}`;
  return { url: `${tls === undefined ? "http" : "https"}://${name}`, host: name, hooks, close: () => close(server) };
}

async function createServer(
  tls: RegistryOptions["tls"],
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  if (tls === undefined) return (await import("node:http")).createServer(listener);
  return (await import("node:https")).createServer({ cert: tls.cert, key: tls.key }, listener);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  store: RegistryStore,
  hooks: RegistryHooks,
): Promise<void> {
  if ((await hooks.intercept?.(request, response)) === true) return;
  response.setHeader("docker-distribution-api-version", "registry/2.0");
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const route = parseRegistryRoute(decodePath(path));
  await handle(route, { store, hooks, request, response, query: new URLSearchParams(query) });
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new RegistryRefusal(400, "NAME_INVALID", "the path holds broken percent-encoding");
  }
}

function fail(error: unknown, request: IncomingMessage, response: ServerResponse): void {
  // a client that went away in the middle needs no answer
  if (response.headersSent || (request.destroyed && !request.complete)) return void response.destroy();
  // the rest of a refused body is not read: the connection cannot serve again
  if (!request.complete) response.setHeader("connection", "close");
  const refusal = error instanceof RegistryRefusal ? error : new RegistryRefusal(500, "UNKNOWN", "the registry failed");
  answerRefusal(response, refusal);
}
