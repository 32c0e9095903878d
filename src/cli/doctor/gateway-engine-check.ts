/** Asks an engine of this machine for an image that the gateway refuses: does it show that refusal, or go past the gateway? */
import { engineEnvironment } from "../../engine/engine-environment.ts";
import { runEngineProcess } from "../../engine/engine-process.ts";
import { TagsealError } from "../../errors.ts";
import { pathOfRegistry } from "../../gateway/served-name.ts";
import type { Io } from "../io.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { findHostsFile } from "./hosts-file.ts";
import type { ProbedEngine } from "./probed-engines.ts";

/** An image that no publisher can have signed, since its name did not exist before. */
interface UnsignableImage {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** What the engine is asked for. */
export interface EngineProbe {
  readonly engine: ProbedEngine;
  readonly gateway: URL;
  readonly image: UnsignableImage;
  readonly hostsDir: string;
  /** what the gateway says about this image */
  readonly words: string;
}

/** Asks the engine for the image by its registry, and docker also by the gateway. @throws TagsealError `CANCELLED` */
export async function checkGatewayEngine(io: Io, probe: EngineProbe): Promise<readonly Finding[]> {
  const { engine, gateway, image } = probe;
  const named = `${image.registry}/${image.repository}:${image.tag}`;
  if (engine === "containerd") return [(await hostsFinding(probe)) ?? (await judged(io, probe, named))];
  if (engine === "podman") return [await judged(io, probe, named)];
  const through = `${gateway.host}/${pathOfRegistry(image.registry)}/${image.repository}:${image.tag}`;
  const byGateway = await judged(io, probe, through);
  if (byGateway.level !== "ok") return [byGateway];
  const byRegistry = (await hostsFinding(probe)) ?? (await judged(io, probe, named));
  if (byRegistry.level === "ok") return [byGateway, byRegistry];
  const limit = `docker asks ${image.registry} itself for images that are named by it`;
  const fix = `name them ${gateway.host}/${pathOfRegistry(image.registry)}/…; Docker Engine 29: tagseal gateway configure docker --help`;
  return [byGateway, warning("gateway-engine", limit, fix)];
}

/** Pulls, which must fail with the gateway's own words about this image, and with those of no other place. */
async function judged(io: Io, probe: EngineProbe, image: string): Promise<Finding> {
  const { engine, gateway, words } = probe;
  const { exitCode, output } = await pull(io, probe, image);
  if (exitCode === undefined) return problem("gateway-engine", output, `install ${engine}, or name another --engine`);
  const fix = configureCommand(probe);
  if (exitCode === 0) return problem("gateway-engine", `${engine} pulled ${image} past the gateway`, fix);
  const isRefusal = output.includes(words) || (output.includes(gateway.host) && output.includes("403 Forbidden"));
  const wentOn = /Mirrors also failed|trying next host/u.test(output);
  if (isRefusal && !wentOn) return ok("gateway-engine", `${engine} is refused ${image} by the gateway`);
  const last = output.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  return problem("gateway-engine", `${engine} asks for ${image} past the gateway: ${last}`, fix);
}

interface Pulled {
  /** undefined when the engine could not be started */
  readonly exitCode: number | undefined;
  readonly output: string;
}

async function pull(io: Io, { engine, hostsDir }: EngineProbe, image: string): Promise<Pulled> {
  const lines = {
    containerd: ["ctr", "images", "pull", "--hosts-dir", hostsDir, image],
    docker: ["docker", "pull", image],
    podman: ["podman", "pull", image],
  } as const;
  const [executable, ...args] = lines[engine];
  try {
    const command = { executable, args, env: engineEnvironment(io.env, args), signal: io.signal };
    const { exitCode, stdout, stderr } = await runEngineProcess(command, { stdin: "ignore", capture: true });
    return { exitCode, output: `${stdout}${stderr}` };
  } catch (error) {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    return { exitCode: undefined, output: error.message };
  }
}

/** containerd shows the first refusal, also when it then asked another host: its file must name the gateway only. */
async function hostsFinding(probe: EngineProbe): Promise<Finding | undefined> {
  const { engine, gateway, image, hostsDir } = probe;
  const directory = engine === "docker" ? "/etc/docker/certs.d" : hostsDir;
  const found = await findHostsFile(directory, image.registry);
  const fix = configureCommand(probe);
  if (found === undefined) {
    const message = `${engine} has no hosts.toml for ${image.registry} in ${directory}: it asks the registry itself`;
    return problem("gateway-engine", message, fix);
  }
  if (found.places?.every((place) => place === gateway.origin) === true) return undefined;
  return problem("gateway-engine", `${found.path} does not have the gateway as its only server and host`, fix);
}

function configureCommand({ engine, gateway, image }: EngineProbe): string {
  return `tagseal gateway configure ${engine} --gateway ${gateway.origin} --registry ${image.registry} --write`;
}
