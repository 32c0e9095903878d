/** Which registries may be used without TLS, according to docker's daemon configuration. */
import { readConfigurationFile } from "../docker-config/configuration-file.ts";
import { jsonMember } from "../encoding/json.ts";
import { hasCode } from "../errors.ts";
import { isLoopbackHost } from "../reference/loopback.ts";
import { isInNetwork } from "../http/client/proxy.ts";

/** The host part of `host[:port]`, without brackets. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

/**
 * True when a registry is configured as insecure. Entries are `host`, `host:port`, either with a scheme, which dockerd strips,
 * or a network `10.0.0.0/8`, which matches addresses only (names are not looked up for this).
 *
 * @see dockerd: insecure-registries
 */
export function isConfiguredInsecure(registry: string, entries: readonly string[]): boolean {
  const name = registry.toLowerCase();
  return entries
    .map(withoutScheme)
    .some((entry) =>
      entry.includes("/") ? isInNetwork(hostnameOf(name), entry) : entry === name || entry === hostnameOf(name),
    );
}

function withoutScheme(entry: string): string {
  return entry
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/\/$/, "");
}

/** True when a registry is on this machine, or configured as insecure. */
export function mayBePlain(registry: string, entries: readonly string[]): boolean {
  return isLoopbackHost(hostnameOf(registry)) || isConfiguredInsecure(registry, entries);
}

/**
 * Reads `insecure-registries` from docker's daemon.json (usually `/etc/docker/daemon.json`). An unreadable file configures nothing:
 * that is the safe side.
 */
export async function loadInsecureRegistries(path: string): Promise<string[]> {
  try {
    const entries = jsonMember(await readConfigurationFile(path), "insecure-registries");
    return Array.isArray(entries) ? entries.filter((entry) => typeof entry === "string") : [];
  } catch (error) {
    if (hasCode(error, "FILE_UNREADABLE")) return [];
    throw error;
  }
}
