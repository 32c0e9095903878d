/** Whose request it is: the peer of the connection or, behind trusted proxies, the client they name. */

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import net, { isIP, isIPv6 } from "node:net";
import { TagsealError } from "../../errors.ts";

/** Proxies that are trusted to name a client, in `X-Forwarded-For` or, without it, in `Forwarded`. */
export class TrustedProxies {
  // Not imported by name: node:net creates this member lazily, and the bundler does not support such members.
  readonly #proxies = new net.BlockList();
  readonly #areThereAny: boolean;

  /**
   * @param addresses IP addresses, or networks such as `10.0.0.0/8`
   * @throws TagsealError `SERVER_CONFIGURATION` for anything else
   */
  constructor(addresses: readonly string[]) {
    this.#areThereAny = addresses.length > 0;
    for (const address of addresses) this.#add(address);
  }

  /**
   * The client's address. Each trusted proxy names the sender before it, so the list is read from its end, and the first address that is not a
   * trusted proxy's counts: what stands before it may be invented.
   */
  clientOf({ socket, headers }: Pick<IncomingMessage, "socket" | "headers">): string | undefined {
    let client = socket.remoteAddress;
    if (!this.#areThereAny || client === undefined || !this.has(client)) return client;
    for (const said of namedClients(headers).toReversed().slice(0, maxHops)) {
      const address = addressIn(said);
      if (address === undefined) return client;
      client = address;
      if (!this.has(address)) return client;
    }
    return client;
  }

  /** True for a request that names a client and comes from an untrusted address: all clients behind that address count as one. */
  isUnknown({ socket, headers }: Pick<IncomingMessage, "socket" | "headers">): boolean {
    const { remoteAddress } = socket;
    const names = headers["x-forwarded-for"] ?? headers.forwarded;
    return names !== undefined && remoteAddress !== undefined && !this.has(remoteAddress);
  }

  has(address: string): boolean {
    const plain = withoutZone(withoutMapping(address));
    return this.#areThereAny && this.#proxies.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
  }

  #add(text: string): void {
    const [address = "", bits, ...more] = text.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    const maxBits = family === "ipv6" ? 128 : 32;
    const isNumber = bits === undefined || (/^\d{1,3}$/u.test(bits) && Number(bits) <= maxBits);
    if (isIP(address) === 0 || !isNumber || more.length > 0) {
      throw new TagsealError(
        "SERVER_CONFIGURATION",
        `"${text}" is neither an IP address nor a network such as 10.0.0.0/8`,
      );
    }
    this.#proxies.addSubnet(address, Number(bits ?? maxBits), family);
  }
}

const maxHops = 20;
/** RFC 7239 allows quotes; a longer value is an attempt to make parsing slow. */
const maxForwardedLength = 4096;

/** The addresses the proxies name, the nearest one last. `X-Forwarded-For` wins: a proxy that writes it passes on what a client wrote into the other. */
function namedClients({ "x-forwarded-for": list, forwarded }: IncomingHttpHeaders): readonly string[] {
  if (list !== undefined) return String(list).split(",");
  if (forwarded === undefined || forwarded.length > maxForwardedLength) return [];
  const elements = forwarded.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/gu) ?? [];
  return elements.map((element) => forParameter.exec(element)?.groups?.["node"] ?? "");
}

/** RFC 7239 §4 */
const forParameter = /(?:^|;)\s*for\s*=\s*"?(?<node>[^";,\s]*)/iu;

/** `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1%eth0]:4711`, in quotes or not; undefined for anything else. */
function addressIn(said: string): string | undefined {
  const groups = node.exec(said.trim())?.groups;
  const address = withoutZone(groups?.["v6"] ?? groups?.["v4"] ?? groups?.["other"] ?? "");
  const isWanted = groups?.["v6"] === undefined ? isIP(address) !== 0 : isIPv6(address);
  return isWanted ? address : undefined;
}

const node = /^"?(?:\[(?<v6>[^\]]+)\](?::[\w.-]+)?|(?<v4>[\d.]+):[\w.-]+|(?<other>[^"]*))"?$/u;

/** A zone has a meaning on the sending machine only. */
function withoutZone(address: string): string {
  return address.includes(":") ? address.replace(/%.*$/u, "") : address;
}

/** An IPv4 client of a socket that listens on IPv6. */
function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/iu, "");
}

/** What counts as one client: an IPv4 address, or the network of 64 bits that every holder of an IPv6 address has to choose from. */
export function clientKey(address: string): string {
  const plain = withoutMapping(address);
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%", 1)[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const first = [...groups, ...Array.from({ length: missing }, () => "0"), ...(tail ?? "").split(":")].slice(0, 4);
  return `${first.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
