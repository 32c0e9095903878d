/** A web server with a few files, on loopback, for what downloads something. */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Certificates } from "./certificates.ts";
import type { Scope } from "./processes.ts";

/** What the server answers for a name: the whole content, or whatever a function does with the answer. */
export type ServedFile = Uint8Array | string | ((response: ServerResponse) => void);

/** The server. `files` may change at any time; `asked` has every name that was asked for. */
export interface FileServer {
  readonly url: string;
  readonly files: Map<string, ServedFile>;
  readonly asked: string[];
}

/** Starts the server, which is gone when the scope closes. @param tls serve https with this certificate */
export async function serveFiles(
  scope: Scope,
  files: Iterable<readonly [string, ServedFile]>,
  tls?: Certificates,
): Promise<FileServer> {
  const served = new Map(files);
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    const name = (request.url ?? "").slice(1);
    asked.push(name);
    const file = served.get(name);
    if (typeof file === "function") file(response);
    else response.writeHead(file === undefined ? 404 : 200).end(file ?? "");
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(identity(tls), listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has an address and a port");
  const scheme = tls === undefined ? "http" : "https";
  return { url: `${scheme}://127.0.0.1:${address.port}`, files: served, asked };
}

function identity({ serverCertificate, serverKey }: Certificates): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(serverCertificate), key: readFileSync(serverKey) };
}
