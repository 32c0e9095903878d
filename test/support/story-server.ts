/** Small HTTP(S) servers that play one part of a story: an evil registry, a token service, a proxy. Closed with the test. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { TestContext } from "node:test";

/** A server that is listening. */
export interface StoryServer {
  /** `http://127.0.0.1:4000` */
  readonly origin: string;
  /** `127.0.0.1:4000` */
  readonly host: string;
  /** every request's method and path, in order */
  readonly seen: readonly string[];
  /** every request's headers, in the same order */
  readonly headers: readonly IncomingMessage["headers"][];
  url(path: string): URL;
}

/** Settings of {@link startStory}. */
export interface StoryOptions {
  /** PEM; plain HTTP when absent */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string; readonly requestCert?: boolean };
  /** 127.0.0.1 when absent; another loopback address, or `localhost`, makes another origin of the same machine */
  readonly host?: string;
}

/** Starts a server with these answers. */
export async function startStory(
  t: Pick<TestContext, "after">,
  answers: RequestListener,
  options: StoryOptions = {},
): Promise<StoryServer> {
  const { tls, host = "127.0.0.1" } = options;
  const seen: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    seen.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    answers(request, response);
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  const port = await listen(server, host === "localhost" ? "127.0.0.1" : host);
  t.after(() => stop(server));
  const origin = `${tls === undefined ? "http" : "https"}://${host}:${port}`;
  return { origin, host: `${host}:${port}`, seen, headers, url: (path) => new URL(path, origin) };
}

/** Answers with a status, a body and headers. */
export function reply(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array = "",
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, headers);
  response.end(body);
}

/** Sends a byte now and then, as long as the connection is open. */
export function drip(response: ServerResponse, everyMs = 20): void {
  const timer = setInterval(() => response.write("x"), everyMs);
  response.on("close", () => clearInterval(timer));
}

function listen(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
