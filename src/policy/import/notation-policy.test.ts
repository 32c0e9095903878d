import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePolicy } from "../policy-parser.ts";
import { importNotationPolicy } from "./notation-policy.ts";
import type { ImportedPolicy, WrittenRule } from "./imported-policy.ts";
import { writePolicy } from "./written-policy.ts";

const stores = (name: string): readonly string[] =>
  name === "acme" ? ["/trust/acme/root.crt", "/trust/acme/second.pem"] : [];

function statement(change: object): object {
  return {
    name: "team-images",
    registryScopes: ["registry.example.com/team/app"],
    signatureVerification: { level: "permissive" },
    trustStores: ["ca:acme"],
    trustedIdentities: ["*"],
    ...change,
  };
}

function imported(...statements: readonly object[]): ImportedPolicy {
  return importNotationPolicy(
    "trustpolicy.json",
    JSON.stringify({ version: "1.0", trustPolicies: statements }),
    stores,
  );
}

function ruleOf(change: object): { readonly rule: WrittenRule | undefined; readonly notes: string } {
  const [first] = imported(statement(change)).rules;
  return { rule: first?.rule, notes: first?.notes.join("\n") ?? "" };
}

const rejected = { require: "reject" };

describe("a trust policy of Notation", () => {
  it("refuses what no statement is about; the scope * is the default", () => {
    const policy = imported(statement({}));
    assert.deepEqual(policy.default.rule, rejected);
    assert.deepEqual(
      policy.rules.map(({ scope }) => scope),
      ["registry.example.com/team/app"],
    );
    const skip = { level: "skip" };
    const open = imported(statement({}), { name: "rest", registryScopes: ["*"], signatureVerification: skip });
    assert.deepEqual(open.default.rule, { mode: "skip" });
  });

  it("pins the authorities of its trust stores", () => {
    const roots = ["ca:/trust/acme/root.crt", "ca:/trust/acme/second.pem"];
    assert.deepEqual(ruleOf({}).rule, { roots });
    const { rule, notes } = ruleOf({ trustStores: ["ca:acme", "ca:gone", "signingAuthority:acme", "tsa:acme"] });
    assert.deepEqual(rule, { roots });
    assert.match(notes, /not imported: ca:gone, signingAuthority:acme\./u);
    const relaxed = { level: "strict", override: { revocation: "skip" }, verifyTimestamp: "afterCertExpiry" };
    assert.deepEqual(ruleOf({ signatureVerification: relaxed }).rule, { roots });
  });

  it("refuses what a rule cannot ask: revocation, single identities, stores that are not there", () => {
    for (const [change, why] of [
      [
        { signatureVerification: { level: "strict" } },
        /certificates are revoked.*\n.*policy pin registry\.example\.com/u,
      ],
      [{ signatureVerification: { level: "permissive", override: { revocation: "enforce" } } }, /revoked/u],
      [{ signatureVerification: { level: "audit", override: { revocation: "enforce" } } }, /revoked/u],
      [{ trustedIdentities: ["x509.subject: C=DE, O=acme"] }, /cannot name: x509\.subject: C=DE, O=acme\./u],
      [{ trustedIdentities: [] }, /cannot name/u],
      [{ trustStores: ["ca:gone"] }, /was found: ca:gone/u],
      [{ trustStores: ["signingAuthority:acme"] }, /was found: signingAuthority:acme/u],
    ] as const) {
      const { rule, notes } = ruleOf(change);
      assert.deepEqual(rule, rejected, JSON.stringify(change));
      assert.match(notes, why);
    }
  });

  it("cannot put text beside its comments", () => {
    const identity = 'x509.subject: C=DE\n  "default": { "mode": "skip" }, //';
    const written = writePolicy(imported(statement({ registryScopes: ["*"], trustedIdentities: [identity] })), []);
    assert.match(written, /C=DE\\u000a/u);
    assert.equal(parsePolicy(written, { source: "ours.json", read: () => "" }).default.require, "reject");
  });

  it("of the level audit still asks for a signature; skip asks nothing", () => {
    assert.deepEqual(ruleOf({ signatureVerification: { level: "audit" } }).rule, { firstUse: true });
    const authenticity = { level: "permissive", override: { authenticity: "log" } };
    assert.deepEqual(ruleOf({ signatureVerification: authenticity }).rule, { firstUse: true });
    const { rule, notes } = ruleOf({ signatureVerification: { level: "skip" } });
    assert.deepEqual(rule, { mode: "skip" });
    assert.match(notes, /repositories below it as well/u);
  });

  it("is refused when two statements differ about a scope", () => {
    const policy = imported(statement({}), statement({ signatureVerification: { level: "skip" } }));
    assert.deepEqual(policy.rules[0]?.rule, rejected);
  });

  it("refuses everything around a scope that is no name of an image", () => {
    const odd = { registryScopes: ["Registry/UPPER"], signatureVerification: { level: "strict" } };
    const open = { name: "rest", registryScopes: ["*"], signatureVerification: { level: "skip" } };
    const { default: fallback } = imported(open, statement(odd));
    assert.deepEqual(fallback.rule, rejected);
    assert.match(fallback.notes.join("\n"), /refused because of "Registry\/UPPER"/u);
  });

  it("that is malformed is refused in one sentence, with line and column", () => {
    const faults: readonly (readonly [string, RegExp])[] = [
      ["{}", /trustpolicy\.json:1:1: "version" is not "1\.0"$/u],
      ['{"version": "2.0"}', /1:13: "version" is not "1\.0"$/u],
      ['{"version": "1.0"}', /1:1: "trustPolicies" is missing or empty$/u],
      [text(statement({ level: "strict" })), /unknown member "level"/u],
      [text(statement({ registryScopes: [] })), /policies for blobs are not imported$/u],
      [text(statement({ signatureVerification: { level: "Strict" } })), /level is not one of "strict"/u],
      [
        text(statement({ signatureVerification: { level: "strict", override: { integrity: "skip" } } })),
        /"integrity"/u,
      ],
      [text(statement({ trustStores: ["ca:../../etc"] })), /"ca:\.\.\/\.\.\/etc" is not a trust store/u],
    ];
    for (const [given, message] of faults)
      assert.throws(() => importNotationPolicy("trustpolicy.json", given, stores), {
        code: "FOREIGN_POLICY_INVALID",
        message,
      });
  });
});

function text(...statements: readonly object[]): string {
  return JSON.stringify({ version: "1.0", trustPolicies: statements });
}
