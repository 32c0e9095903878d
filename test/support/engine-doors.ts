/** Other ways to an engine than its socket: TCP, TCP with TLS and client certificates, and ssh. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { certificates } from "./certificates.ts";
import type { Engine } from "./dockerd.ts";
import { readText, type Environment, type Scope } from "./processes.ts";

/** Opens a door on a free port; it closes with the scope. */
async function open(scope: Scope, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function joined(from: Socket, socketPath: string): void {
  const to = connect({ path: socketPath, allowHalfOpen: true });
  from.pipe(to).pipe(from);
  from.on("error", () => to.destroy());
  to.on("error", () => from.destroy());
}

/** The engine over plain TCP. @returns value for DOCKER_HOST */
export async function overTcp(scope: Scope, { socket }: Engine): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (from) => joined(from, socket));
  return `tcp://127.0.0.1:${await open(scope, server)}`;
}

/** The engine over TLS, for those who show a certificate. `name` is the directory of the certificates. @returns docker's variables for it */
export async function overTls(scope: Scope, { socket }: Engine, name: string): Promise<Environment> {
  const { ca, serverCertificate, serverKey } = await certificates(scope);
  const directory = scope.path(name);
  mkdirSync(directory);
  copyFileSync(ca, `${directory}/ca.pem`);
  copyFileSync(serverCertificate, `${directory}/cert.pem`);
  copyFileSync(serverKey, `${directory}/key.pem`);
  const options = {
    cert: readText(serverCertificate),
    key: readText(serverKey),
    ca: readText(ca),
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
  };
  const server = createTlsServer(options, (from) => joined(from, socket));
  const port = await open(scope, server);
  return { DOCKER_HOST: `tcp://localhost:${port}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: directory };
}

/**
 * A program called ssh: it runs its command on this machine, as if this were the other one, and writes down the destination.
 *
 * @returns the directory it lies in, for a PATH, and the file it writes to
 */
export function installSsh(scope: Scope, { host }: Engine, name: string): { directory: string; log: string } {
  const directory = scope.path(name);
  mkdirSync(directory);
  const log = `${directory}/log`;
  const script = `#!/bin/sh
echo "$@" >>${log}
# docker 28 gives its command as three words, docker 29 as one
until [ $# -eq 0 ] || [ "\${1%% *}" = docker ]; do shift; done
DOCKER_HOST=${host} exec sh -c "$*"
`;
  writeFileSync(`${directory}/ssh`, script);
  chmodSync(`${directory}/ssh`, 0o755);
  return { directory, log };
}
