/** Today's containerd with its own root, state and socket, and image verifiers in a directory of the test. Needs root; nothing is run in it. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { findGoPeer } from "./go-peers.ts";
import { commandOn, type Machine } from "./machine.ts";
import { unmountBelow } from "./mounts.ts";
import { run, type Environment, type Finished, type Running, type Scope } from "./processes.ts";

/** A running containerd. */
export interface Containerd {
  readonly socket: string;
  /** its configuration, for checks that read it */
  readonly configuration: string;
  readonly binDir: string;
  /** a directory whose `blobs` are what it has fetched */
  readonly contents: string;
  readonly process: Running;
  ctr(args: readonly string[]): Promise<Finished>;
  /** what kubelet does, through the same interface */
  crictl(args: readonly string[]): Promise<Finished>;
}

/** Where its verifiers are, and what else its configuration says. */
export interface ContainerdOptions {
  /** default: a directory that is not there */
  readonly binDir?: string;
  readonly env?: Environment;
  /** where each registry has its hosts.toml, for CRI; ctr is given it by `--hosts-dir` */
  readonly hostsDir?: string;
  /** 2 is today's, the default; 1 is Debian's 1.6, which knows no verifiers */
  readonly version?: 1 | 2;
  /** where it runs, and its clients */
  readonly machine?: Pick<Machine, "enter">;
}

/** Starts containerd and waits until it answers. */
export async function startContainerd(scope: Scope, options: ContainerdOptions = {}): Promise<Containerd> {
  const { version = 2, machine } = options;
  const directory = scope.path(`containerd-${version}`);
  const binDir = options.binDir ?? `${directory}/verifiers`;
  mkdirSync(directory, { recursive: true });
  scope.defer(() => unmountBelow(directory));
  const socket = `${directory}/socket`;
  const configuration = `${directory}/config.toml`;
  writeFileSync(
    configuration,
    version === 1 ? configurationOfOld(directory, options) : configurationOf(directory, binDir, options),
  );
  const found = (name: "containerd" | "ctr"): string => (version === 1 ? undefined : findGoPeer(name)) ?? name;
  const runThere = async (...command: readonly string[]): Promise<Finished> => {
    const [program, ...args] = commandOn(machine, ...command);
    return await run(program, args);
  };
  const ctr = async (args: readonly string[]): Promise<Finished> =>
    await runThere(found("ctr"), "--address", socket, "--namespace", "k8s.io", ...args);
  const endpoints = ["--image-endpoint", `unix://${socket}`, "--runtime-endpoint", `unix://${socket}`];
  const crictl = async (args: readonly string[]): Promise<Finished> =>
    await runThere(findGoPeer("crictl") ?? "crictl", ...endpoints, ...args);
  const [program, ...args] = commandOn(machine, found("containerd"), "--config", configuration);
  const process = await scope.start(`containerd-${version}`, program, args, {
    ...(options.env === undefined ? {} : { env: options.env }),
    ready: async () => existsSync(socket) && (await crictl(["images"])).code === 0,
  });
  const contents = `${directory}/root/io.containerd.content.v1.content`;
  return { contents, socket, configuration, binDir, process, ctr, crictl };
}

function configurationOfOld(directory: string, { hostsDir }: ContainerdOptions): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
[grpc]
address = "${directory}/socket"
[ttrpc]
address = "${directory}/socket.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "${directory}/opt"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
${hostsDir === undefined ? "" : `[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "${hostsDir}"`}
`;
}

function configurationOf(directory: string, binDir: string, { hostsDir }: ContainerdOptions): string {
  return `version = 3
root = "${directory}/root"
state = "${directory}/state"
[grpc]
address = "${directory}/socket"
[ttrpc]
address = "${directory}/socket.ttrpc"
[plugins."io.containerd.image-verifier.v1.bindir"]
bin_dir = "${binDir}"
[plugins."io.containerd.internal.v1.opt"]
path = "${directory}/opt"
[plugins."io.containerd.nri.v1.nri"]
disable = true
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
${hostsDir === undefined ? "" : `[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "${hostsDir}"`}
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux"
snapshotter = "native"
`;
}
