/** Settings of containerd, of k3s, which runs it, and of dockerd 29, which reads the same files. */
import { type EngineFile, type EngineSettings, type GatewayTarget, quoted, writtenByUs } from "./engine-settings.ts";

/** What a file of hosts has that we could write; anything else, such as a client certificate, would be lost. */
const knownLine =
  /^\s*(?:#.*|(?:server|capabilities|ca|skip_verify)\s*=.*|\[host\]|\[host\.(?:"[^"]*"|'[^']*')\]|"(?:pull|resolve|push)",?|\],?)?\s*$/u;

/**
 * A directory of hosts. The gateway is the server and the host: with the registry as server, containerd asks it after a refusal, and 1.6 ignores a
 * file that has a server only, without a word.
 *
 * @param directory where the engine looks for a directory of each registry
 */
export function hostsFiles({ gateway, registries, ca }: GatewayTarget, directory: string): EngineFile[] {
  const named = registries.length > 0 ? registries : ["_default"];
  return named.flatMap((registry) => {
    const place = `${directory}/${registry}`;
    const authority = ca === undefined ? undefined : { path: `${place}/tagseal-gateway.pem`, content: ca };
    const settings = [
      'capabilities = ["pull", "resolve"]',
      ...(authority === undefined ? [] : [`ca = ${quoted(authority.path)}`]),
    ];
    const lines = [
      `# ${writtenByUs}`,
      `server = ${quoted(gateway.origin)}`,
      ...settings,
      "",
      `[host.${quoted(gateway.origin)}]`,
      ...settings.map((line) => `  ${line}`),
    ];
    const hosts = { path: `${place}/hosts.toml`, content: `${lines.join("\n")}\n`, knownLine };
    return authority === undefined ? [hosts] : [authority, hosts];
  });
}

const everyRegistry =
  "A registry that has a directory beside _default is not asked through the gateway: remove such directories.";

/** containerd 1.6 and later, as kubelet, nerdctl and ctr use it. */
export function containerdSettings(target: GatewayTarget): EngineSettings {
  return {
    files: hostsFiles(target, "/etc/containerd/certs.d"),
    bypasses: [
      {
        path: "/etc/containerd/config.toml",
        line: /^\s*\[plugins\..*\.registry\.(?:mirrors|configs)\b/u,
        why: "with registry.mirrors or registry.configs containerd does not read certs.d",
      },
    ],
    notes: [
      'containerd before 2.0 reads these files for Kubernetes only if /etc/containerd/config.toml has config_path = "/etc/containerd/certs.d" under [plugins."io.containerd.grpc.v1.cri".registry]; restart it after that change.',
      "ctr reads them with --hosts-dir /etc/containerd/certs.d only; without it, ctr asks the registry.",
      ...(target.registries.length === 0 ? [everyRegistry] : []),
    ],
  };
}

/** k3s, whose containerd has a directory that k3s leaves alone where registries.yaml does not name the registry. */
export function k3sSettings(target: GatewayTarget): EngineSettings {
  const named = target.registries.map((registry) => registry.replaceAll(".", "\\."));
  const name = named.length > 0 ? `(?:${[...named, "\\*"].join("|")})` : "[^\\s:]";
  return {
    files: hostsFiles(target, "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"),
    bypasses: [
      {
        path: "/etc/rancher/k3s/registries.yaml",
        line: new RegExp(`^\\s+["']?${name}["']?:?`, "u"),
        why: "k3s replaces the settings of registries that registries.yaml names, and adds the registry itself as the last to ask",
      },
    ],
    notes: [
      "Name none of these registries in /etc/rancher/k3s/registries.yaml: k3s replaces their settings when it starts, and its containerd then asks the registry after a refusal.",
      "rke2 has the same directory below /var/lib/rancher/rke2.",
      ...(target.registries.length === 0 ? [everyRegistry] : []),
    ],
  };
}
