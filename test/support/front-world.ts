/** A machine on which people use docker under content trust: a real engine, a real registry and a trust server. */
import { mkdirSync, symlinkSync } from "node:fs";
import { delimiter } from "node:path";
import { client, tagsealCommand, type Client, type ReachableTrustServer } from "./clients.ts";
import { startDockerd, type Engine } from "./dockerd.ts";
import { machineDocker, type FrontDocker } from "./dockers.ts";
import { trustOff, trustOn } from "./docker-words.ts";
import { startDockerRegistry, type Registry } from "./docker-registry.ts";
import { buildImage } from "./images.ts";
import { run, type Environment, type Finished, type RunOptions, type Scope } from "./processes.ts";
import { startTagsealServer } from "./tagseal-server.ts";

/** What differs from the usual machine. */
export interface FrontWorldOptions {
  /** names of images to build as `made:<label>`; default `one` and `two` */
  readonly labels?: readonly string[];
  /** instead of a registry that is started here */
  readonly registry?: Pick<Registry, "host">;
  /** instead of a trust server that is started here */
  readonly server?: ReachableTrustServer;
  /** what Tagseal hands work to; default: this machine's */
  readonly docker?: FrontDocker;
}

/** A machine with everything running. */
export interface FrontWorld {
  readonly scope: Scope;
  readonly engine: Engine;
  readonly registry: Pick<Registry, "host">;
  readonly server: ReachableTrustServer;
  /** A separate user: own keys, own memory of what was trusted; trust is off until a call turns it on. */
  user(name: string, env?: Environment): Client;
  /** Names `made:<label>` `image` and pushes it with docker 28: signed by `user`, or unsigned. Returns the digest. */
  publish(user: Client, label: string, image: string, signed?: "signed" | "unsigned"): Promise<string>;
  /** Takes names away from the engine, so that the next pull has something to do. Unknown ones are no matter. */
  forget(...images: readonly string[]): Promise<void>;
  /** Takes away every name that begins so. A digest stays behind when only the tag beside it is taken. */
  forgetBelow(prefix: string): Promise<void>;
  /** The engine's ID of an image, or undefined when it has none by that name. */
  imageId(name: string): Promise<string | undefined>;
}

/** Starts engine, registry and trust server and builds the images. They stop when the scope closes. */
export async function startFrontWorld(scope: Scope, options: FrontWorldOptions = {}): Promise<FrontWorld> {
  const [engine, registry, server] = await Promise.all([
    startDockerd(scope),
    options.registry ?? startDockerRegistry(scope),
    options.server ?? startTagsealServer(scope),
  ]);
  const { docker = machineDocker } = options;
  const user = (name: string, env: Environment = {}): Client =>
    client(scope, { engine, server, name, env: { ...docker.env, ...env } });
  const builder = user("builder");
  for (const label of options.labels ?? ["one", "two"]) await buildImage(scope, builder, `made:${label}`, label);
  return {
    scope,
    engine,
    registry,
    server,
    user,
    async publish(publisher, label, image, signed = "signed") {
      await publisher.dockerOk(["tag", `made:${label}`, image]);
      const { stdout } = await publisher.dockerOk(["push", image], { env: signed === "signed" ? trustOn : trustOff });
      return pushedDigest(stdout);
    },
    async forget(...images) {
      await builder.docker(["rmi", "-f", ...images]);
    },
    async forgetBelow(prefix) {
      const listing = ["images", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"];
      const names = (await builder.dockerOk(listing)).stdout.split(/\s+/u);
      const below = names.filter((name) => name.startsWith(prefix) && !name.includes("<none>"));
      if (below.length > 0) await builder.docker(["rmi", "-f", ...new Set(below)]);
    },
    async imageId(name) {
      const { code, stdout } = await builder.docker(["image", "inspect", "-f", "{{.Id}}", name]);
      return code === 0 ? stdout.trim() : undefined;
    },
  };
}

/** An image to build from, signed and unsigned. */
interface BaseImages {
  /** `team/base:v1`, the image `made:one` */
  readonly signed: string;
  readonly digest: string;
  /** `team/base:raw`, the image `made:two` */
  readonly raw: string;
}

/** Publishes both images of `team/base`. */
export async function publishBases(world: FrontWorld, user: Client): Promise<BaseImages> {
  const signed = `${world.registry.host}/team/base:v1`;
  const raw = `${world.registry.host}/team/base:raw`;
  const digest = await world.publish(user, "one", signed);
  await world.publish(user, "two", raw, "unsigned");
  return { signed, digest, raw };
}

/** The digest in the last line docker prints for a pushed tag. */
export function pushedDigest(stdout: string): string {
  const digest = /: digest: (sha256:[0-9a-f]{64}) size: \d+/u.exec(stdout)?.[1];
  if (digest === undefined) throw new Error(`docker reported no digest:\n${stdout}`);
  return digest;
}

/** Tagseal under another program's name, as a link earlier in PATH than the real one. */
export interface Shim {
  readonly path: string;
  /** a PATH in which the link comes first */
  readonly searchPath: string;
  run(user: Client, args: readonly string[], options?: RunOptions): Promise<Finished>;
}

/** Puts a link called `name` to this checkout's command into a separate directory. */
export function shimNamed(name: string, scope: Scope): Shim {
  const directory = scope.path(`shim-${name}`);
  mkdirSync(directory);
  const path = `${directory}/${name}`;
  symlinkSync(tagsealCommand, path);
  const searchPath = [directory, process.env["PATH"] ?? "", "/usr/sbin"].join(delimiter);
  return {
    path,
    searchPath,
    run: (user, args, options = {}) =>
      run(path, args, { ...options, env: { ...user.env, PATH: searchPath, ...options.env } }),
  };
}
