/** A load generator for one GET over TLS, on raw sockets so that the client's own cost stays small beside the server's. */
import { connect, type TLSSocket } from "node:tls";
import { readText, type TrustServer } from "../support/peers.ts";

/** What a load run found. */
export interface LoadResult {
  readonly perSecond: number;
  readonly failures: number;
}

interface Answer {
  readonly status: number;
  /** bytes of the answer at the front of the buffer, or 0 while it is incomplete */
  readonly size: number;
}

const headerEnd = Buffer.from("\r\n\r\n");
const chunkedEnd = Buffer.from("\r\n0\r\n\r\n");

/** Finds the first complete answer in `buffer`. Knows lengths and chunks, which is all these servers send. */
function firstAnswer(buffer: Buffer): Answer {
  const end = buffer.indexOf(headerEnd);
  if (end === -1) return { status: 0, size: 0 };
  const head = buffer.toString("latin1", 0, end).toLowerCase();
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: (\d+)/u.exec(head)?.[1];
  if (length !== undefined) {
    const size = end + 4 + Number(length);
    return { status, size: size <= buffer.length ? size : 0 };
  }
  // Nothing is asked before the answer is complete, so what ends the answer ends the buffer.
  const complete = buffer.subarray(-chunkedEnd.length).equals(chunkedEnd);
  return { status, size: complete ? buffer.length : 0 };
}

interface Counter {
  done: number;
  failures: number;
  running: boolean;
}

function open(server: TrustServer, ca: string): TLSSocket {
  return connect({ host: "localhost", port: server.port, ca, servername: "localhost" });
}

/** One connection that asks again as soon as it has its answer. */
function keepAsking(server: TrustServer, ca: string, request: Buffer, counter: Counter): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = open(server, ca);
  let buffered: Buffer = Buffer.alloc(0);
  const ask = (): void => {
    if (counter.running) socket.write(request);
    else socket.destroy();
  };
  socket.on("secureConnect", ask);
  socket.on("data", (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    const { status, size } = firstAnswer(buffered);
    if (size === 0) return;
    buffered = buffered.subarray(size);
    counter.done += 1;
    if (status !== 200) counter.failures += 1;
    ask();
  });
  socket.on("error", () => {
    counter.failures += 1;
    socket.destroy();
  });
  socket.on("close", () => resolve());
  return promise;
}

/** Asks for `path` on `connections` keep-alive connections for `seconds`. */
export async function load(
  server: TrustServer,
  path: string,
  connections: number,
  seconds: number,
): Promise<LoadResult> {
  const ca = readText(server.ca);
  const request = Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\nConnection: keep-alive\r\n\r\n`,
  );
  const counter: Counter = { done: 0, failures: 0, running: true };
  const clients = Array.from({ length: connections }, () => keepAsking(server, ca, request, counter));
  await new Promise((resolve) => setTimeout(resolve, 500)); // handshakes are not what is measured
  const before = counter.done;
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const perSecond = ((counter.done - before) * 1000) / (performance.now() - startedAt);
  counter.running = false;
  await Promise.all(clients);
  return { perSecond, failures: counter.failures };
}

/** Like {@link load}, but with a new TLS connection for each request, as docker and notary ask. */
export async function loadReconnecting(
  server: TrustServer,
  path: string,
  connections: number,
  seconds: number,
): Promise<LoadResult> {
  const ca = readText(server.ca);
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\nConnection: close\r\n\r\n`);
  const counter: Counter = { done: 0, failures: 0, running: false };
  const deadline = performance.now() + seconds * 1000;
  const once = async (): Promise<void> => {
    while (performance.now() < deadline) {
      await askOnce(server, ca, request, counter);
    }
  };
  await Promise.all(Array.from({ length: connections }, once));
  return { perSecond: counter.done / seconds, failures: counter.failures };
}

function askOnce(server: TrustServer, ca: string, request: Buffer, counter: Counter): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = open(server, ca);
  let buffered: Buffer = Buffer.alloc(0);
  socket.on("secureConnect", () => socket.write(request));
  socket.on("data", (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    const { status, size } = firstAnswer(buffered);
    if (size === 0) return;
    counter.done += 1;
    if (status !== 200) counter.failures += 1;
    socket.destroy();
  });
  socket.on("error", () => {
    counter.failures += 1;
    socket.destroy();
  });
  socket.on("close", () => resolve());
  return promise;
}
