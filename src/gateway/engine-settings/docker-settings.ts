/** Settings of dockerd. */
import { hostsFiles } from "./containerd-settings.ts";
import type { EngineSettings, GatewayTarget } from "./engine-settings.ts";
import { pathOfRegistry } from "../served-name.ts";

/** dockerd of any version, for images that are named by the gateway; dockerd 29 with its containerd store also for the names of registries. */
export function dockerSettings(target: GatewayTarget): EngineSettings {
  const { gateway, registries, ca } = target;
  const authority = ca === undefined ? [] : [{ path: `/etc/docker/certs.d/${gateway.host}/ca.crt`, content: ca }];
  const example = `${gateway.host}/${pathOfRegistry(registries[0] ?? "docker.io")}/REPOSITORY:TAG`;
  return {
    files: [...authority, ...(registries.length > 0 ? hostsFiles(target, "/etc/docker/certs.d") : [])],
    bypasses: [
      {
        path: "/etc/docker/daemon.json",
        line: /"registry-mirrors"/u,
        why: "dockerd asks Docker Hub after a mirror that refuses, so a mirror protects nothing",
      },
    ],
    notes: [
      `Name images by the gateway: docker pull ${example}. That fails closed with each version of dockerd.`,
      registries.length > 0
        ? "Only Docker Engine 29 with the containerd image store reads hosts.toml. Earlier engines, and the older image stores, ignore it and ask the registry for images that are named by it."
        : "An image that is named by its registry is not asked through the gateway. With --registry, Docker Engine 29 with the containerd image store asks the gateway for these, too.",
    ],
  };
}
