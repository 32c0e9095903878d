/**
 * The dockers that Tagseal stands in front of: the one of this machine, which knows content trust, and docker 29, which ignores
 * the variable and the switch and has no `docker trust`.
 */
import { dirname, delimiter } from "node:path";
import { findGoPeer } from "./go-peers.ts";
import type { Environment } from "./processes.ts";
import type { Peer } from "./requirements.ts";

/** A docker that Tagseal finds and hands work to. */
export interface FrontDocker {
  /** the major version; 28 stands for older ones, too */
  readonly version: 28 | 29;
  /** what a suite needs for it */
  readonly peers: readonly Peer[];
  /** makes Tagseal find it; docker and notary ignore this */
  readonly env: Environment;
}

const today = findGoPeer("docker") ?? "docker 29";

/** A PATH in which docker 29 comes first. */
export const docker29SearchPath = [dirname(today), process.env["PATH"] ?? "", "/usr/sbin"].join(delimiter);

/** Whatever docker is first in PATH. `TAGSEAL_FRONT_DOCKER` names another one, to try it by hand in every suite. */
export const machineDocker: FrontDocker = {
  version: 28,
  peers: ["docker"],
  env: { TAGSEAL_ENGINE: process.env["TAGSEAL_FRONT_DOCKER"] },
};

/** The real docker 29. */
export const docker29: FrontDocker = { version: 29, peers: ["docker 29"], env: { TAGSEAL_ENGINE: today } };

/** Both. */
export const frontDockers: readonly FrontDocker[] = [machineDocker, docker29];
