import { UsageError } from "../../errors.ts";

/**
 * Reads `HOST:PORT`, `[::1]:PORT` or `:PORT` (all IPv4 interfaces).
 *
 * @throws UsageError `USAGE`
 */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? -1);
  if (match !== null && port >= 0 && port <= 65_535) return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
  throw new UsageError("USAGE", `expected an address to listen on as HOST:PORT, got "${text}"`, {
    hint: "Write 127.0.0.1:4443, for example, or [::]:4443 for every interface.",
  });
}

/**
 * Reads a port number, 0 for any free one.
 *
 * @throws UsageError `USAGE`
 */
export function parsePort(text: string, flag: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError("USAGE", `--${flag}: expected a port from 0 to 65535, got "${text}"`);
}
