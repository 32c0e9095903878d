/** Settings of what reads containers-registries.conf: podman, buildah, skopeo and CRI-O. */
import {
  type Bypass,
  type EngineSettings,
  type GatewayTarget,
  literally,
  quoted,
  writtenByUs,
} from "./engine-settings.ts";
import { pathOfRegistry } from "../served-name.ts";

/** The registry is renamed, not mirrored: a name that is mapped has no other place to go. */
export function containersSettings({ gateway, registries, ca }: GatewayTarget): EngineSettings {
  const lines = registries.flatMap((registry) => [
    "",
    "[[registry]]",
    `prefix = ${quoted(registry)}`,
    `location = ${quoted(`${gateway.host}/${pathOfRegistry(registry)}`)}`,
    ...(gateway.protocol === "http:" ? ["insecure = true"] : []),
  ]);
  const authority = ca === undefined ? [] : [{ path: `/etc/containers/certs.d/${gateway.host}/ca.crt`, content: ca }];
  const conf = {
    path: "/etc/containers/registries.conf.d/999-tagseal-gateway.conf",
    content: `${[`# ${writtenByUs}`, ...lines].join("\n")}\n`,
  };
  return {
    files: [...authority, conf],
    bypasses: ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d"].map((path) =>
      closerPrefix(path, registries),
    ),
    notes: [
      "A file of a user, ~/.config/containers/registries.conf, replaces the machine's: it must not name these registries.",
      "Short names such as alpine get their registry from the aliases and from unqualified-search-registries; that registry must be one of these.",
    ],
  };
}

/** The longest prefix wins, so a part of the registry could have another place. */
function closerPrefix(path: string, registries: readonly string[]): Bypass {
  const names = registries.map(literally).join("|");
  return {
    path,
    line: new RegExp(`^\\s*(?:prefix|location)\\s*=\\s*["'](?:${names})/`, "u"),
    why: "an entry for a part of the registry wins over the entry for the whole, and does not go through the gateway",
  };
}
