/** Whose request it is: the other end of the connection or, behind proxies that are trusted to say so, whom they name. */

import type { IncomingMessage } from "node:http";
import net, { isIP, isIPv6 } from "node:net";
import { TagsealError } from "../../errors.ts";

/** Proxies whose `X-Forwarded-For` is believed. */
export class TrustedProxies {
  // Not imported by name: node:net makes it when it is first asked for, and a build takes no such members.
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
   * The client's address. Each trusted proxy vouches for the one before it, so the list is read from its end, and the first address that is no
   * trusted proxy's counts: what stands before that may be invented.
   */
  clientOf({ socket, headers }: Pick<IncomingMessage, "socket" | "headers">): string | undefined {
    let client = socket.remoteAddress;
    const forwarded = headers["x-forwarded-for"];
    if (!this.#areThereAny || forwarded === undefined || client === undefined || !this.has(client)) return client;
    for (const said of String(forwarded).split(",").reverse().slice(0, maxHops)) {
      const address = said.trim();
      if (isIP(address) === 0) return client;
      client = address;
      if (!this.has(address)) return client;
    }
    return client;
  }

  has(address: string): boolean {
    const plain = withoutMapping(address);
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
