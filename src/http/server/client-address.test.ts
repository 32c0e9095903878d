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
    // ports, as some load balancers have it, and brackets
    ["10.1.2.3", "203.0.113.9:51234", "203.0.113.9"],
    ["10.1.2.3", "1.1.1.1, 203.0.113.9:51234, 192.0.2.7:443", "203.0.113.9"],
    ["10.1.2.3", "[2001:db9::5]:51234", "2001:db9::5"],
    ["10.1.2.3", "[2001:db9::5]", "2001:db9::5"],
    ["10.1.2.3", '"[2001:db9::5]:51234"', "2001:db9::5"],
    ["10.1.2.3", "[2001:db9::5], [2001:db8::7]:443", "2001:db9::5"],
    ["10.1.2.3", "[fe80::1%25eth0]:443", "fe80::1"],
    ["10.1.2.3", "fe80::1%eth0", "fe80::1"],
    ["10.1.2.3", "[::ffff:203.0.113.9]:51234", "::ffff:203.0.113.9"],
    ["10.1.2.3", "203.0.113.9:", "10.1.2.3"],
    ["10.1.2.3", "[203.0.113.9]:80", "10.1.2.3"],
    ["10.1.2.3", "[2001:db9::5", "10.1.2.3"],
    ["10.1.2.3", "203.0.113.9:80:80", "10.1.2.3"],
    ["2001:db8::1%eth0", "203.0.113.9", "203.0.113.9"],
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

  const forwarded: readonly [header: string, client: string][] = [
    ["for=203.0.113.9", "203.0.113.9"],
    ['for="203.0.113.9:51234";proto=https;by=10.1.2.3', "203.0.113.9"],
    ['proto=https; FOR="[2001:db9::5]:51234"', "2001:db9::5"],
    ['for=1.1.1.1, for="[2001:db9::5]";host="a,b;for=9.9.9.9", for=192.0.2.7', "2001:db9::5"],
    ["for=unknown", "10.1.2.3"],
    ["for=203.0.113.9, for=_hidden", "10.1.2.3"],
    ["by=203.0.113.9", "10.1.2.3"],
    ['for="203.0.113.9', "10.1.2.3"],
    [`for=203.0.113.9;x="${"y".repeat(5000)}"`, "10.1.2.3"],
  ];
  for (const [header, client] of forwarded) {
    it(`10.1.2.3 with Forwarded: ${header.slice(0, 60)} is ${client}`, () => {
      const headers = { forwarded: header };
      assert.equal(proxies.clientOf({ ...request("10.1.2.3"), headers }), client);
    });
  }

  it("is taken from X-Forwarded-For when both are present, since a proxy that writes it passes the other one through", () => {
    const headers = { "x-forwarded-for": "203.0.113.9", forwarded: "for=198.51.100.1" };
    assert.equal(proxies.clientOf({ ...request("10.1.2.3"), headers }), "203.0.113.9");
  });

  it("is unknown when an untrusted sender names a client", () => {
    assert.equal(proxies.isUnknown(request("198.51.100.1", "203.0.113.9")), true);
    assert.equal(proxies.isUnknown({ ...request("198.51.100.1"), headers: { forwarded: "for=203.0.113.9" } }), true);
    assert.equal(proxies.isUnknown(request("198.51.100.1")), false);
    assert.equal(proxies.isUnknown(request("10.1.2.3", "203.0.113.9")), false);
    assert.equal(new TrustedProxies([]).isUnknown(request("10.1.2.3", "203.0.113.9")), true);
  });

  it("is the connected address when no proxy is trusted", () => {
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
