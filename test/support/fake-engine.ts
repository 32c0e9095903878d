/** Something in this process that answers on a socket as docker's engine would, or as none would. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What was asked, in order. */
export interface EngineCall {
  readonly method: string;
  /** with its query */
  readonly path: string;
  /** what `X-Registry-Auth` holds, decoded; undefined without the header */
  readonly auth: unknown;
}

/** Answers a request; anything it does not answer itself is the caller's to answer. */
export type EngineAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** A running one. */
export interface FakeEngine {
  /** value for DOCKER_HOST */
  readonly host: string;
  readonly socket: string;
  readonly port: number;
  readonly calls: readonly EngineCall[];
  /** from now on; the ping is answered before it is asked */
  answer: EngineAnswer;
  /** what the ping offers; undefined: nothing */
  apiVersion: string | undefined;
  /** a separate directory, removed at the end */
  readonly directory: string;
  close(): void;
}

/** Starts one on a unix socket, or with `tls` on a port. */
export async function startFakeEngine(tls?: ServerOptions): Promise<FakeEngine> {
  const directory = mkdtempSync(join(tmpdir(), "fake-engine-"));
  const socket = join(directory, "docker.sock");
  const calls: EngineCall[] = [];
  const engine = { answer: nothingHere, apiVersion: "1.41" } as Pick<FakeEngine, "answer" | "apiVersion">;
  const listener: RequestListener = (request, response) => {
    request.resume();
    if (request.url === "/_ping") {
      if (engine.apiVersion !== undefined) response.setHeader("api-version", engine.apiVersion);
      response.end("OK");
      return;
    }
    calls.push({ method: request.method ?? "", path: request.url ?? "", auth: decoded(request) });
    engine.answer(request, response);
  };
  const server: Server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  await new Promise<void>((resolve) => {
    if (tls === undefined) server.listen(socket, resolve);
    else server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return Object.assign(engine, {
    host: tls === undefined ? `unix://${socket}` : `tcp://localhost:${port}`,
    socket,
    port,
    calls,
    directory,
    close: () => {
      server.closeAllConnections();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  });
}

function decoded(request: IncomingMessage): unknown {
  const header = request.headers["x-registry-auth"];
  if (typeof header !== "string") return undefined;
  return JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
}

/** As an engine without images. */
export const nothingHere: EngineAnswer = (_request, response) => {
  response.writeHead(404, { "content-type": "application/json" }).end('{"message":"page not found"}\n');
};

/** Answers with lines of JSON, as a push or pull does. */
export function lines(...items: readonly unknown[]): EngineAnswer {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(items.map((item) => `${JSON.stringify(item)}\r\n`).join(""));
  };
}

/** Writes a program into `directory`; `script` follows the interpreter's line. */
export function fakeProgram(directory: string, name: string, script: string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}
