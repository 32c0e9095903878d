/** A separate docker daemon: own socket and data, no bridge, no firewall rules; containers are not run, images are. */
import { existsSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import { delimiter, dirname } from "node:path";
import { findGoPeer } from "./go-peers.ts";
import { commandOn, type Machine } from "./machine.ts";
import { unmountBelow } from "./mounts.ts";
import { run, type Environment, type Running, type Scope } from "./processes.ts";

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
  /** default: with a machine, its own; otherwise containers have none */
  readonly network?: "none";
  /** asked in place of Docker Hub, in plain HTTP: `localhost:5000` */
  readonly mirror?: string;
  /** the authorization plugin that it asks about every request */
  readonly plugin?: string;
  /** 29 keeps images in a containerd, which it starts; default: the machine's */
  readonly version?: 29;
}

/** Directories of the programs that docker 29 starts. */
function today(): Environment {
  const containerd = dirname(findGoPeer("containerd") ?? "");
  return { PATH: [containerd, process.env["PATH"], "/usr/sbin", "/sbin"].join(delimiter) };
}

/** Starts dockerd (needs root) and waits until it answers. */
export async function startDockerd(scope: Scope, options: DockerdOptions = {}): Promise<Engine> {
  const { machine, mirror, plugin, version, network = machine === undefined ? "none" : undefined } = options;
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
  const snapshotter = driver === "vfs" ? "native" : "overlayfs";
  const isolation = [
    "--storage-driver",
    version === 29 ? snapshotter : driver,
    "--iptables=false",
    "--ip6tables=false",
  ];
  if (mirror !== undefined) isolation.push("--registry-mirror", `http://${mirror}`);
  if (plugin !== undefined) isolation.push("--authorization-plugin", plugin);
  if (network === "none") isolation.push("--bridge=none");
  const daemon = version === 29 ? (findGoPeer("dockerd") ?? "dockerd") : "dockerd";
  const [program, ...before] = commandOn(machine, daemon);
  const running = await scope.start("dockerd", program, [...before, ...args, ...isolation], {
    ...(version === 29 ? { env: today() } : {}),
    ready: async () => existsSync(socket) && (await answers(socket)),
  });
  return { host: `unix://${socket}`, socket, process: running };
}
