import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ImportedPolicy } from "./imported-policy.ts";
import { importNotaryPins, type NotaryPins } from "./notary-pins.ts";

const id = "ab".repeat(32);
const [gun, team] = ["r.example.com/team/app", "r.example.com/team"];
const server = "https://trust.example.com:4443";
const rejected = { require: "reject" };

function imported(change: Partial<NotaryPins>): ImportedPolicy {
  const none = { certs: new Map(), ca: new Map(), disableTofu: false, server, hasConnectionSettings: false };
  return importNotaryPins({ ...none, ...change });
}

function rulesOf({ rules }: ImportedPolicy): Record<string, object> {
  return Object.fromEntries(rules.map(({ scope, rule }) => [scope, rule]));
}

describe("the pins of notary", () => {
  it("trust on first use what is not pinned, unless that is switched off", () => {
    assert.deepEqual(imported({}).default.rule, { server, firstUse: true });
    assert.deepEqual(imported({ disableTofu: true }).default.rule, { server, firstUse: false });
    assert.deepEqual(imported({ server: undefined }).default.rule, { firstUse: true });
  });

  it("are rules for names and prefixes", () => {
    const certs = new Map([
      [gun, [id]],
      ["r.example.com/lib/*", [id, id]],
      ["r.example.com/none", []],
    ]);
    const policy = imported({ certs, ca: new Map([["r.example.com/other/", "/etc/ca.pem"]]) });
    assert.deepEqual(rulesOf(policy), {
      "r.example.com/lib": { server, roots: [`sha256:${id}`, `sha256:${id}`] },
      "r.example.com/none": rejected,
      "r.example.com/other": { server, roots: ["ca:/etc/ca.pem"] },
      [gun]: { server, roots: [`sha256:${id}`] },
    });
  });

  it("of certificates decide before authorities below their prefix, as in notary", () => {
    const policy = imported({
      certs: new Map([["r.example.com/*", [id]]]),
      ca: new Map([[`${team}/`, "/etc/ca.pem"]]),
    });
    assert.deepEqual(Object.keys(rulesOf(policy)), ["r.example.com"]);
    assert.match(policy.notes.join("\n"), /authority for "r\.example\.com\/team\/" never counted/u);
    const exact = imported({ certs: new Map([[gun, [id]]]), ca: new Map([["", "/etc/ca.pem"]]) });
    assert.deepEqual(exact.default.rule, { server, roots: ["ca:/etc/ca.pem"] });
    assert.deepEqual(Object.keys(rulesOf(exact)), [gun]);
  });

  it("for a prefix that ends within a name make the rule around it refuse", () => {
    const policy = imported({ certs: new Map([[`${team}*`, [id]]]) });
    assert.deepEqual(rulesOf(policy), { "r.example.com": rejected });
    assert.match(policy.rules[0]?.notes.join("\n") ?? "", /because of "r\.example\.com\/team\*"/u);
    assert.deepEqual(imported({ ca: new Map([["r.exam", "/etc/ca.pem"]]) }).default.rule, rejected);
  });

  it("on a server without TLS are refused", () => {
    const policy = imported({ server: "http://trust.example.com", certs: new Map([[gun, [id]]]) });
    assert.deepEqual([policy.default.rule, rulesOf(policy)], [rejected, { [gun]: rejected }]);
    assert.match(policy.notes.join("\n"), /https, not "http:\/\/trust\.example\.com"/u);
  });

  it("say that certificates for the connection are the machine's affair", () => {
    assert.match(imported({ hasConnectionSettings: true }).notes.join("\n"), /below ~\/\.docker\/tls\//u);
  });
});
