/** The engines that are tried, each with the judge as its Docker Hub and as a registry. */
import { existsSync, mkdirSync } from "node:fs";
import { installBuildx, missingPeers, type Peer, type Scope, startBuildkitd, startDockerd } from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { EngineKind } from "../../src/engine/command-line/invocation.ts";
import { type Environment, findExecutable } from "../support/processes.ts";
import { findGoPeer } from "../support/go-peers.ts";
import type { Abilities } from "./case-maker.ts";
import { JudgeRegistry } from "./judge-registry.ts";

/**
 * Names of the engines. The reader is BuildKit's front-end for Dockerfiles without the rest; with the command lines it is not the Dockerfile
 * that is made up, but everything else that people type.
 */
export const engineNames = [
  "buildkit reader",
  "buildkit",
  "buildkit 20.10",
  "classic",
  "podman",
  "docker's command line",
  "podman's command line",
] as const;
export type EngineName = (typeof engineNames)[number];
/** An engine that builds. */
export type BuilderName = Exclude<EngineName, "buildkit reader" | `${string} command line`>;

/** A running engine and its judge. */
export interface GateEngine extends Abilities {
  readonly name: BuilderName;
  /** the command that builds */
  readonly executable: string;
  readonly env: Environment;
  readonly judge: JudgeRegistry;
}

/** Debian's own docker, which has BuildKit built in. */
const debianDocker = "/usr/bin/docker";

const peers: Readonly<Record<EngineName, readonly Peer[]>> = {
  "buildkit reader": ["buildkit", "busybox"],
  buildkit: ["buildkit", "buildx", "busybox"],
  "buildkit 20.10": ["dockerd", "busybox"],
  classic: ["docker 28", "dockerd", "busybox"],
  podman: ["podman", "busybox"],
  "docker's command line": ["docker 28", "dockerd", "buildkit", "buildx", "busybox", "notary", "openssl"],
  "podman's command line": ["podman", "busybox", "notary", "openssl"],
};

/** What is missing on this machine to try an engine; false when nothing is. */
export function missingFor(name: EngineName): string | false {
  const missing = missingPeers(peers[name]);
  if (missing !== false || name !== "buildkit 20.10" || existsSync(debianDocker)) return missing;
  return `not on this machine: ${debianDocker}`;
}

/** Starts the engines behind one of the two command lines: for docker its own and BuildKit, with one judge for both. */
export async function startForCommandLines(scope: Scope, kind: EngineKind): Promise<GateEngine> {
  if (kind === "podman") return await startEngine(scope, "podman");
  const classic = await startEngine(scope, "classic");
  const env = { ...classic.env, DOCKER_BUILDKIT: undefined };
  const { env: more } = await starters.buildkit(scope, classic.judge, env);
  return { ...classic, env: more };
}

/** Starts an engine. */
export async function startEngine(scope: Scope, name: BuilderName): Promise<GateEngine> {
  const judge = await JudgeRegistry.start(scope);
  const home = scope.path("home");
  mkdirSync(home, { recursive: true });
  const env: Environment = { HOME: home, DOCKER_CONFIG: `${home}/.docker`, TMPDIR: scope.directory };
  const started = await starters[name](scope, judge, env);
  return { name, judge, isCurrent: name === "buildkit", kind: name === "podman" ? "podman" : "docker", ...started };
}

type Starter = (
  scope: Scope,
  judge: JudgeRegistry,
  env: Environment,
) => Promise<Pick<GateEngine, "executable" | "env">>;

const dockerd =
  (executable: string, useBuildkit: "0" | "1"): Starter =>
  async (scope, judge, env) => {
    const { host } = await startDockerd(scope, { mirror: judge.host });
    const variables = { DOCKER_HOST: host, DOCKER_BUILDKIT: useBuildkit, BUILDKIT_PROGRESS: "plain" };
    return { executable, env: { ...env, ...variables } };
  };

const starters: Readonly<Record<BuilderName, Starter>> = {
  async buildkit(scope, { host }, env) {
    const buildkit = await startBuildkitd(scope, { insecure: [host], mirror: host });
    const variables = await installBuildx(scope, `${scope.path("home")}/.docker`, buildkit);
    return { executable: findGoPeer("buildx") ?? "buildx", env: { ...env, ...variables } };
  },
  "buildkit 20.10": dockerd(debianDocker, "1"),
  classic: dockerd(findExecutable("docker") ?? "docker", "0"),
  podman(scope, { host }, env) {
    const variables = podmanEnvironment(scope, [host], "podman", host);
    // another one can be tried by hand: a newer podman, or buildah
    const executable = process.env["TAGSEAL_GATE_PODMAN"] ?? findExecutable("podman") ?? "podman";
    return Promise.resolve({ executable, env: { ...env, ...variables } });
  },
};
