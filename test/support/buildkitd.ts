/** Today's BuildKit with its own root and socket, and buildx to drive it. Needs root; images lie as plain copies, which work everywhere. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { findGoPeer } from "./go-peers.ts";
import { commandOn, type Machine } from "./machine.ts";
import { type Environment, run, type Running, type Scope } from "./processes.ts";

/** A running BuildKit. */
export interface Buildkit {
  /** `unix:///…`, for `buildctl --addr` */
  readonly address: string;
  /** a directory whose `blobs` are what it has fetched */
  readonly contents: string;
  readonly process: Running;
}

/** The registries it reaches. */
export interface BuildkitOptions {
  /** hosts that are spoken to in plain HTTP: `localhost:5000` */
  readonly insecure?: readonly string[];
  /** a host asked in place of Docker Hub, in plain HTTP */
  readonly mirror?: string;
  /** where it runs, with the registries of the configuration that is there */
  readonly machine?: Pick<Machine, "enter">;
}

/** The settings of {@link configuration}, which a file of registries only does not have. */
function flags(directory: string): string[] {
  const worker = ["--oci-worker=true", "--oci-worker-snapshotter=native", "--oci-worker-gc=false"];
  return [
    "--root",
    `${directory}/root`,
    "--addr",
    `unix://${directory}/socket`,
    ...worker,
    "--containerd-worker=false",
  ];
}

function configuration(directory: string, { insecure = [], mirror }: BuildkitOptions): string {
  const hosts = [...new Set([...insecure, ...(mirror === undefined ? [] : [mirror])])];
  return [
    `root = "${directory}/root"`,
    "[grpc]",
    `address = ["unix://${directory}/socket"]`,
    "[worker.oci]",
    "enabled = true",
    'snapshotter = "native"',
    "gc = false",
    "[worker.containerd]",
    "enabled = false",
    ...(mirror === undefined ? [] : ['[registry."docker.io"]', `mirrors = ["${mirror}"]`]),
    ...hosts.flatMap((host) => [`[registry."${host}"]`, "http = true"]),
  ].join("\n");
}

/** Starts BuildKit and waits until it answers. */
export async function startBuildkitd(scope: Scope, options: BuildkitOptions = {}): Promise<Buildkit> {
  const directory = scope.path("buildkitd");
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/buildkitd.toml`, configuration(directory, options));
  const address = `unix://${directory}/socket`;
  const { machine } = options;
  const settings = machine === undefined ? ["--config", `${directory}/buildkitd.toml`] : flags(directory);
  const [program, ...args] = commandOn(machine, findGoPeer("buildkitd") ?? "buildkitd", ...settings);
  const process = await scope.start("buildkitd", program, args, {
    ready: async () => {
      if (!existsSync(`${directory}/socket`)) return false;
      const asked = await run(findGoPeer("buildctl") ?? "buildctl", ["--addr", address, "debug", "workers"]);
      return asked.code === 0;
    },
  });
  return { address, contents: `${directory}/root/runc-native/content`, process };
}

/** Makes buildx a plugin of the docker whose settings are in `dockerConfig`. The variables make it build with `buildkit`. */
export async function installBuildx(scope: Scope, dockerConfig: string, buildkit: Buildkit): Promise<Environment> {
  const plugins = `${dockerConfig}/cli-plugins`;
  mkdirSync(plugins, { recursive: true });
  const buildx = findGoPeer("buildx") ?? "buildx";
  symlinkSync(buildx, `${plugins}/docker-buildx`);
  const env: Environment = {
    DOCKER_CONFIG: dockerConfig,
    HOME: scope.directory,
    BUILDX_CONFIG: `${dockerConfig}/buildx`,
    BUILDX_BUILDER: "remote",
    BUILDKIT_PROGRESS: "plain",
    BUILDX_NO_DEFAULT_ATTESTATIONS: "1",
  };
  const created = await run(buildx, ["create", "--name", "remote", "--driver", "remote", buildkit.address], { env });
  if (created.code !== 0) throw new Error(`buildx knows no way to BuildKit:\n${created.stderr}`);
  return env;
}
