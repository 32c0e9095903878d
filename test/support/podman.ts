/** podman and buildah with separate storage, and settings with which containers run for root inside a container, too. */
import { mkdirSync, writeFileSync } from "node:fs";
import { unmountBelow } from "./mounts.ts";
import type { Environment, Scope } from "./processes.ts";

/**
 * Settings for one storage below the scope. podman runs no daemon; what its containers leave mounted goes with the scope.
 *
 * @param registries hosts that are spoken to in plain HTTP
 * @param mirror a host asked in place of Docker Hub, in plain HTTP
 */
export function podmanEnvironment(
  scope: Scope,
  registries: readonly string[],
  name = "podman",
  mirror?: string,
): Environment {
  const directory = scope.path(name);
  mkdirSync(directory, { recursive: true });
  scope.defer(() => unmountBelow(directory));
  const file = (fileName: string, lines: readonly string[]): string => {
    writeFileSync(`${directory}/${fileName}`, `${lines.join("\n")}\n`);
    return `${directory}/${fileName}`;
  };
  return {
    // No new limits, no control groups by systemd, no separate network: a container cannot have them.
    CONTAINERS_CONF: file("containers.conf", [
      "[engine]",
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      `tmp_dir = "${directory}/tmp"`,
      "[containers]",
      'netns = "none"',
      'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
    ]),
    CONTAINERS_STORAGE_CONF: file("storage.conf", [
      "[storage]",
      'driver = "vfs"',
      `graphroot = "${directory}/root"`,
      `runroot = "${directory}/run"`,
    ]),
    CONTAINERS_REGISTRIES_CONF: file("registries.conf", [
      'unqualified-search-registries = ["docker.io"]',
      ...(mirror === undefined
        ? []
        : ["[[registry]]", 'prefix = "docker.io"', `location = "${mirror}"`, "insecure = true"]),
      ...registries.flatMap((host) => ["[[registry]]", `location = "${host}"`, "insecure = true"]),
    ]),
    BUILDAH_ISOLATION: "chroot",
    TMPDIR: directory,
  };
}
