/** Chooses the proxy for a URL from the environment, by the rules of Go's net/http, which docker follows. */
import type { Environment } from "../../environment/environment.ts";
import { UsageError } from "../../errors.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";

/**
 * The proxy to use for `url`, or undefined for a direct connection. Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals
 * first. Loopback hosts are never proxied.
 *
 * @throws UsageError `USAGE` when the variable holds something that is no http or https URL
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = env[name] ?? env[name.toLowerCase()];
  if (value === undefined || value === "" || isLoopbackHost(url.hostname)) return undefined;
  if (isExempt(url, env["NO_PROXY"] ?? env["no_proxy"] ?? "")) return undefined;
  const text = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol)) {
    throw new UsageError("USAGE", `${name} is not an http or https URL`, { hint: "Write it as http://host:port." });
  }
  return proxy;
}

/** Whether an environment names a proxy for anything. */
export function namesProxy(env: Environment): boolean {
  return ["HTTP_PROXY", "HTTPS_PROXY"].some(
    (name) => (env[name] ?? "") !== "" || (env[name.toLowerCase()] ?? "") !== "",
  );
}

/** What of an environment decides about proxies, as text to compare: the same text means that {@link proxyFor} answers the same. */
export function proxyRules(env: Environment): string {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  return JSON.stringify(names.map((name) => env[name] ?? env[name.toLowerCase()] ?? ""));
}

/** The Proxy-Authorization header for the user and password in a proxy's URL, if any. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === "") return undefined;
  const userInfo = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(userInfo).toString("base64")}`;
}

function isExempt(url: URL, noProxy: string): boolean {
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, "");
  const entries = noProxy.split(",").map((entry) => entry.trim().toLowerCase());
  return entries.some((entry) => entry !== "" && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInNetwork(host, entry);
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
  const name = (parts?.[1] ?? entry).replace(/^\[|\]$/g, "").replace(/^\*(?=\.)/, "");
  if (parts?.[2] !== undefined && parts[2] !== port) return false;
  return name.startsWith(".") ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

/** True when an IPv4 address is in `a.b.c.d/bits`. Names and IPv6 networks never match. */
export function isInNetwork(host: string, network: string): boolean {
  const [base = "", bits = ""] = network.split("/");
  const address = ipv4(host);
  const start = ipv4(base);
  const prefix = Number(bits);
  if (address === undefined || start === undefined || !/^\d{1,2}$/.test(bits) || prefix > 32) return false;
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) === Math.floor(start / size);
}

function ipv4(text: string): number | undefined {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return undefined;
  const octets = text.split(".").map(Number);
  return octets.every((octet) => octet <= 255) ? octets.reduce((sum, octet) => sum * 256 + octet, 0) : undefined;
}
