import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import { clientKey, TrustedProxies } from "./client-address.ts";

function request(remoteAddress: string | undefined, forwarded?: string): Pick<IncomingMessage, "socket" | "headers"> {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return { socket: { remoteAddress }, headers } as Pick<IncomingMessage, "socket" | "headers">;
}

describe("whose request it is", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
  const cases: readonly [remote: string | undefined, forwarded: string | undefined, client: string | undefined][] = [
    ["198.51.100.1", undefined, "198.51.100.1"],
    ["198.51.100.1", "203.0.113.9", "198.51.100.1"],
    ["10.1.2.3", undefined, "10.1.2.3"],
    ["10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["2001:db8::1", "2001:db9::5", "2001:db9::5"],
    // the client itself wrote the first one
    ["10.1.2.3", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["10.1.2.3", "1.1.1.1, 203.0.113.9, 192.0.2.7 ,10.9.9.9", "203.0.113.9"],
    ["10.1.2.3", "10.9.9.9, 192.0.2.7", "10.9.9.9"],
    ["10.1.2.3", "not an address", "10.1.2.3"],
    ["10.1.2.3", "", "10.1.2.3"],
    ["10.1.2.3", "203.0.113.9, <script>", "10.1.2.3"],
    ["10.1.2.3", `203.0.113.9${", 10.0.0.1".repeat(1000)}`, "10.0.0.1"],
    [undefined, "203.0.113.9", undefined],
  ];
  for (const [remote, forwarded, client] of cases) {
    it(`${String(remote)} saying ${forwarded?.slice(0, 50) ?? "nothing"} is ${String(client)}`, () => {
      assert.equal(proxies.clientOf(request(remote, forwarded)), client);
    });
  }

  it("is whoever is connected where no proxy is trusted", () => {
    assert.equal(new TrustedProxies([]).clientOf(request("10.1.2.3", "203.0.113.9")), "10.1.2.3");
  });

  for (const wrong of ["proxy.example", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/8", "", "::/129"]) {
    it(`refuses the setting ${JSON.stringify(wrong)}`, () => {
      assert.throws(() => new TrustedProxies([wrong]), { code: "SERVER_CONFIGURATION" });
    });
  }
});

describe("what counts as one client", () => {
  for (const [address, key] of [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:2::6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ] as const) {
    it(`${address} is ${key}`, () => assert.equal(clientKey(address), key));
  }
});
