/** A separate docker daemon: own socket and data, no bridge, no firewall rules; containers are not run, images are. */
import { existsSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import type { Machine } from "./machine.ts";
import { unmountBelow } from "./mounts.ts";
import { run, type Running, type Scope } from "./processes.ts";

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

/**
 * Layers on top of each other are quicker than copies, where the engine lets each change wait for the next second to begin. Copies work everywhere:
 * not so overlays, on an overlay for instance.
 */
async function quickestDriver(directory: string): Promise<"overlay2" | "vfs"> {
  const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) => `${directory}/probe/${name}`);
  for (const path of [lower, upper, work, merged]) mkdirSync(path ?? "", { recursive: true });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mounted = await run("mount", ["-t", "overlay", "overlay", "-o", options, merged ?? ""]);
  if (mounted.code !== 0) return "vfs";
  await run("umount", [merged ?? ""]);
  return "overlay2";
}

/** Where an engine is, and where it gets images. */
export interface DockerdOptions {
  /** where it runs; on a separate machine it has a network for containers, so that their ports can be published */
  readonly machine?: Pick<Machine, "enter">;
  /** asked in place of Docker Hub, in plain HTTP: `localhost:5000` */
  readonly mirror?: string;
}

/** Starts dockerd (needs root) and waits until it answers. */
export async function startDockerd(scope: Scope, options: DockerdOptions = {}): Promise<Engine> {
  const { machine, mirror } = options;
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
  scope.defer(() => unmountBelow(directory));
  const driver = await quickestDriver(directory);
  const isolation = ["--storage-driver", driver, "--iptables=false", "--ip6tables=false"];
  if (mirror !== undefined) isolation.push("--registry-mirror", `http://${mirror}`);
  if (machine === undefined) isolation.push("--bridge=none");
  const [program, ...before] = [...(machine?.enter ?? []), "dockerd"];
  const running = await scope.start("dockerd", program, [...before, ...args, ...isolation], {
    ready: async () => existsSync(socket) && (await answers(socket)),
  });
  return { host: `unix://${socket}`, socket, process: running };
}
