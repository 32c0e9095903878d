/** Settings of BuildKit: a source policy, since a mirror in buildkitd.toml has the registry behind it. */
import { type EngineSettings, type GatewayTarget, literally, quoted, writtenByUs } from "./engine-settings.ts";
import { pathOfRegistry } from "../served-name.ts";

const scheme = "docker-image://";

/**
 * Rules for sources, of which the last that matches decides: images are refused but for the gateway's; the names of registries become the gateway's.
 *
 * BuildKit ignores a field whose name it does not know, such as `matchType`.
 *
 * @see BuildKit, sourcepolicy
 */
function sourcePolicy({ gateway, registries }: GatewayTarget): object {
  const behindGateway = `^${literally(`${scheme}${gateway.host}/`)}`;
  return {
    rules: [
      { action: "DENY", selector: { identifier: `^${scheme}`, match_type: "REGEX" } },
      { action: "ALLOW", selector: { identifier: behindGateway, match_type: "REGEX" } },
      ...registries.map((registry) => ({
        action: "CONVERT",
        selector: { identifier: `^${literally(`${scheme}${registry}/`)}(.+)$`, match_type: "REGEX" },
        updates: { identifier: `${scheme}${gateway.host}/${pathOfRegistry(registry)}/$1` },
      })),
    ],
  };
}

/** buildkitd, and the source policy that buildctl and buildx send with each build. */
export function buildkitSettings(target: GatewayTarget): EngineSettings {
  const { gateway, ca } = target;
  const policy = "/etc/buildkit/tagseal-gateway.json";
  const authority = ca === undefined ? [] : [{ path: "/etc/buildkit/tagseal-gateway.pem", content: ca }];
  const lines = [
    `# ${writtenByUs}`,
    `[registry.${quoted(gateway.host)}]`,
    ...(gateway.protocol === "http:" ? ["  http = true"] : []),
    ...authority.map(({ path }) => `  ca = [${quoted(path)}]`),
  ];
  const isNeeded = gateway.protocol === "http:" || authority.length > 0;
  const daemon = { path: "/etc/buildkit/buildkitd.toml", content: `${lines.join("\n")}\n` };
  return {
    files: [
      ...authority,
      ...(isNeeded ? [daemon] : []),
      { path: policy, content: `${JSON.stringify(sourcePolicy(target), undefined, 2)}\n`, knownLine: /^/u },
    ],
    bypasses: [
      {
        path: "/etc/buildkit/buildkitd.toml",
        line: /^\s*mirrors\s*=/u,
        why: "BuildKit asks the registry after a mirror that refuses, so a mirror protects nothing",
      },
    ],
    notes: [
      `buildx applies the policy with EXPERIMENTAL_BUILDKIT_SOURCE_POLICY=${policy}, buildctl with --source-policy-file ${policy}. A build without it asks the registries.`,
      "With the policy, each image of a build comes through the gateway, that of a # syntax= line included.",
    ],
  };
}
