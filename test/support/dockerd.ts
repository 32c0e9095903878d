/** A docker daemon of its own: own socket and data, no bridge, no firewall rules; containers are not run, images are. */
import { existsSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import { type Running, type Scope } from "./processes.ts";

/** A running engine. */
export interface Engine {
  /** value for DOCKER_HOST */
  readonly host: string;
  readonly socket: string;
  readonly process: Running;
}

function answers(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const ping = request({ socketPath, path: "/_ping" }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  ping.on("error", () => resolve(false)).end();
  return promise;
}

/** Starts dockerd (needs root) and waits until it answers. */
export async function startDockerd(scope: Scope): Promise<Engine> {
  const directory = scope.path("dockerd");
  mkdirSync(directory, { recursive: true });
  const socket = `${directory}/docker.sock`;
  const args = [
    "--data-root",
    `${directory}/data`,
    "--exec-root",
    `${directory}/exec`,
    "-H",
    `unix://${socket}`,
    "--pidfile",
    `${directory}/pid`,
  ];
  const isolation = ["--storage-driver", "vfs", "--bridge=none", "--iptables=false", "--ip6tables=false"];
  const running = await scope.start("dockerd", "dockerd", [...args, ...isolation], {
    ready: async () => existsSync(socket) && (await answers(socket)),
  });
  return { host: `unix://${socket}`, socket, process: running };
}
