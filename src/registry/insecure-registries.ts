/** Which registries may be spoken to without TLS, as docker's daemon configuration says it. */
import { readFile } from "node:fs/promises";
import { isLoopbackHost } from "./loopback.ts";
import { isInNetwork } from "./proxy.ts";

/** The host part of `host[:port]`, without brackets. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

/**
 * Answers whether a registry was configured as insecure. Entries are `host`, `host:port`, or a network `10.0.0.0/8`, which matches
 * addresses only (names are not looked up for this).
 *
 * @see dockerd: insecure-registries
 */
export function isConfiguredInsecure(registry: string, entries: readonly string[]): boolean {
  return entries.some((entry) =>
    entry.includes("/")
      ? isInNetwork(hostnameOf(registry), entry)
      : entry === registry || entry === hostnameOf(registry),
  );
}

/** Answers whether a registry is on this machine, or configured as insecure. */
export function mayBePlain(registry: string, entries: readonly string[]): boolean {
  return isLoopbackHost(hostnameOf(registry)) || isConfiguredInsecure(registry, entries);
}

/**
 * Reads `insecure-registries` from docker's daemon.json (usually `/etc/docker/daemon.json`). What cannot be read configures nothing:
 * that is the safe side.
 */
export async function loadInsecureRegistries(path: string): Promise<string[]> {
  try {
    const content: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof content !== "object" || content === null || !("insecure-registries" in content)) return [];
    const entries = content["insecure-registries"];
    return Array.isArray(entries) ? entries.filter((entry) => typeof entry === "string") : [];
  } catch {
    return [];
  }
}
