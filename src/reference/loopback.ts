/**
 * Answers whether a host (without port; IPv6 with or without brackets) is this machine by name or address: `localhost`, 127.0.0.0/8,
 * `::1`. Only such hosts, and those configured as insecure, may be spoken to without TLS, as docker has it.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
