import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "../errors.ts";
import type { Policy } from "./policy.ts";
import { parsePolicy } from "./policy-parser.ts";

function parse(text: string): Policy {
  return parsePolicy(text, {
    source: "p.json",
    read: (path) => {
      throw new UsageError("FILE_UNREADABLE", `${path}: no such file or directory`);
    },
  });
}

function withRule(rule: string, scope = "registry.example.com/team"): string {
  return `{"version": 1, "default": {"require": "reject"}, "rules": {${JSON.stringify(scope)}: ${rule}}}`;
}

describe("a policy", () => {
  it("is JSON with comments, and keeps every rule under its scope", () => {
    const policy = parse(`{
      // who may be used
      "version": 1,
      "default": { "require": "reject" },
      "rules": {
        "registry.example.com/team": {
          "server": "https://trust.example.com",
          "roots": ["sha256:${"ab".repeat(32)}"],
          "signers": { "anyOf": ["ci", "release"], "threshold": 2 },
          "maxStaleness": "1d12h", "digests": "any", "mode": "audit", /* for now */
        },
        "*.example.org": { "firstUse": true, "identity": "docker.io" },
        "localhost:5000/app:v1": { "mode": "skip" },
      },
    }`);
    const team = policy.rules.get("registry.example.com/team");
    assert.deepEqual(
      { ...team, roots: typeof team?.roots },
      {
        scope: "registry.example.com/team",
        require: "signed",
        mode: "audit",
        firstUse: false,
        digests: "any",
        server: "https://trust.example.com",
        roots: "object",
        signers: { names: ["ci", "release"], threshold: 2 },
        maxStalenessMs: 36 * 3_600_000,
      },
    );
    assert.deepEqual([...policy.rules.keys()], ["registry.example.com/team", "*.example.org", "localhost:5000/app:v1"]);
    assert.equal(policy.default.require, "reject");
  });

  const broken: readonly (readonly [string, string, RegExp])[] = [
    ["is empty", "", /p\.json:1:1: /u],
    ["is no JSON", '{"version": 1,\n  "default" {}}', /p\.json:2:13: colon expected/u],
    ["has a misspelt member", '{"version": 1, "defualt": {}}', /p\.json:1:16: .*unknown member "defualt"/u],
    ["has a member twice", '{"version": 1, "version": 1}', /p\.json:1:16: .*"version" twice/u],
    ["has no version", '{"default": {"require": "reject"}}', /p\.json:1:1: "version" is missing/u],
    ["has a later version", '{"version": 2, "default": {"mode": "skip"}}', /p\.json:1:13: .*version 1 only/u],
    ["has no default", '{"version": 1}', /"default" is missing/u],
    ["is a list", "[]", /p\.json:1:1: the policy is not an object/u],
    ["has a misspelt member in a rule", withRule('{"firstuse": true}'), /unknown member "firstuse"/u],
    ["neither pins nor allows first use", withRule("{}"), /neither has roots nor says/u],
    [
      "pins and allows any first root",
      withRule(`{"firstUse": true, "roots": ["sha256:${"ab".repeat(32)}"]}`),
      /leave one of them out/u,
    ],
    ["pins nothing", withRule('{"roots": []}'), /would accept no root at all/u],
    ["pins what is no fingerprint", withRule('{"roots": ["sha256:12"]}'), /64 hexadecimal/u],
    ["pins an unknown kind", withRule('{"roots": ["key"]}'), /begins with "sha256:", "file:" or "ca:"/u],
    ["names a file that is not there", withRule('{"roots": ["file:root.pem"]}'), /root\.pem: no such file/u],
    [
      "has an unknown mode",
      withRule('{"firstUse": true, "mode": "warn"}'),
      /mode is not one of "enforce", "audit", "skip"/u,
    ],
    [
      "requires something of what is skipped",
      withRule('{"mode": "skip", "signers": {"anyOf": ["a"]}}'),
      /has no effect here/u,
    ],
    ["skips what it rejects", withRule('{"mode": "skip", "require": "reject"}'), /cannot require anything/u],
    [
      "names signers for a digest",
      withRule('{"require": "digest", "signers": {"anyOf": ["a"]}}'),
      /has no effect here/u,
    ],
    [
      "wants more signers than it names",
      withRule('{"firstUse": true, "signers": {"anyOf": ["a"], "threshold": 2}}'),
      /only 1 signers/u,
    ],
    [
      "wants a threshold of zero",
      withRule('{"firstUse": true, "signers": {"anyOf": ["a"], "threshold": 0}}'),
      /at least 1/u,
    ],
    [
      "names a signer twice",
      withRule('{"firstUse": true, "signers": {"anyOf": ["a", "a"], "threshold": 2}}'),
      /named twice/u,
    ],
    [
      "has any and all signers",
      withRule('{"firstUse": true, "signers": {"anyOf": ["a"], "allOf": ["a"]}}'),
      /not both/u,
    ],
    ["has an age without a unit", withRule('{"firstUse": true, "maxStaleness": "24"}'), /not a length of time/u],
    [
      "has a server without https",
      withRule('{"firstUse": true, "server": "http://trust.example.com"}'),
      /server is not an address/u,
    ],
    [
      "has a short name",
      withRule('{"mode": "skip"}', "redis"),
      /"redis" is not a scope: .*docker\.io\/library\/redis/u,
    ],
    [
      "has a wildcard inside",
      withRule('{"mode": "skip"}', "registry.example.com/*/app"),
      /wildcard is only allowed at the beginning/u,
    ],
    [
      "has a path behind a wildcard",
      withRule('{"mode": "skip"}', "*.example.com/app"),
      /nothing may follow the domain/u,
    ],
    ["has capitals in a path", withRule('{"mode": "skip"}', "registry.example.com/Team"), /capitals/u],
    [
      "has a tag as identity",
      withRule('{"firstUse": true, "identity": "docker.io/library/redis:7"}'),
      /identity is neither/u,
    ],
    [
      "has a registry as the identity of one tag",
      withRule('{"firstUse": true, "identity": "docker.io"}', "mirror.example.com/redis:7"),
      /p\.json:1:\d+: identity is a registry.*name the repository/u,
    ],
  ];
  for (const [what, text, expected] of broken) {
    it(`I9: that ${what} is refused, with its place`, () => {
      assert.throws(
        () => parse(text),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.equal(error.code, "POLICY_INVALID");
          assert.match(error.message, expected);
          return true;
        },
      );
    });
  }

  it("I1: is bounded in size and depth", () => {
    assert.throws(() => parse(" ".repeat(1024 * 1024 + 1)), { code: "POLICY_INVALID" });
    assert.throws(() => parse("[".repeat(500_000)), { code: "POLICY_INVALID", message: /nested too deeply/u });
  });
});
