/** The verdicts of policies, as data: the same kinds of cases that every gate is asked. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetadataError, NetworkError } from "../errors.ts";
import { digestFromHex } from "../reference/digest.ts";
import { parseImageReference, withDefaultTag } from "../reference/image-reference.ts";
import type { Policy } from "./policy.ts";
import { parsePolicy } from "./policy-parser.ts";
import { needTrustData, requirementsFor } from "./requirements.ts";
import { decide, type Finding, type Verdict } from "./verdict.ts";

const digest = digestFromHex("sha256", "5".repeat(64));
const app = "registry.example.com/team/app:v1";

function policy(rules: object, fallback: object = { require: "reject" }, source = "p.json"): Policy {
  const text = JSON.stringify({ version: 1, default: fallback, rules });
  return parsePolicy(text, { source, read: () => assert.fail("no file is named") });
}

function signed(...signers: readonly string[]): Finding {
  return { digest, signers, signedAt: new Date(0), validUntil: new Date(1) };
}

function verdict(policies: readonly Policy[], image: string, finding?: Finding): Verdict {
  const requirements = requirementsFor(policies, withDefaultTag(parseImageReference(image)));
  return decide(requirements, needTrustData(requirements) ? finding : undefined);
}

const team = (rule: object): readonly Policy[] => [
  policy({ "registry.example.com/team": { firstUse: true, ...rule } }),
];

describe("the verdict", () => {
  it("is the signed digest, with the rule and who signed", () => {
    const { outcome, rule, source, reason, signers, ...rest } = verdict(team({}), app, signed("ci"));
    assert.deepEqual(
      [outcome, rule, source, reason, signers],
      ["allowed", "registry.example.com/team", "p.json", "it is signed by ci", ["ci"]],
    );
    assert.ok("digest" in rest && rest.digest === digest);
  });

  const unsigned: Finding = { error: new MetadataError("TAG_NOT_SIGNED", "No valid trust data for v1") };
  const refused: readonly (readonly [string, readonly Policy[], string, Finding | undefined, string])[] = [
    ["an image without a rule", team({}), "registry.example.com/other/app:v1", signed("ci"), "POLICY_REFUSED"],
    ["a host that only ends alike", team({}), "evil-registry.example.com/team/app:v1", signed("ci"), "POLICY_REFUSED"],
    [
      "a path that only begins alike",
      team({}),
      "registry.example.com/team-evil/app:v1",
      signed("ci"),
      "POLICY_REFUSED",
    ],
    ["an unsigned tag", team({}), app, unsigned, "TAG_NOT_SIGNED"],
    [
      "an expired repository",
      team({}),
      app,
      { error: new MetadataError("METADATA_EXPIRED", "expired") },
      "METADATA_EXPIRED",
    ],
    [
      "a rolled back repository",
      team({}),
      app,
      { error: new MetadataError("METADATA_VERSION_ROLLBACK", "older") },
      "METADATA_VERSION_ROLLBACK",
    ],
    [
      "another root",
      team({}),
      app,
      { error: new MetadataError("ROOT_PINNING_MISMATCH", "other") },
      "ROOT_PINNING_MISMATCH",
    ],
    [
      "a server that is down",
      team({}),
      app,
      { error: new NetworkError("NETWORK_UNREACHABLE", "down") },
      "NETWORK_UNREACHABLE",
    ],
    ["the repository key alone", team({ signers: { anyOf: ["ci"] } }), app, signed(), "POLICY_REFUSED"],
    ["another signer", team({ signers: { anyOf: ["ci"] } }), app, signed("mallory"), "POLICY_REFUSED"],
    [
      "too few signers",
      team({ signers: { anyOf: ["ci", "qa"], threshold: 2 } }),
      app,
      signed("ci", "mallory"),
      "POLICY_REFUSED",
    ],
    ["a signer who is missing", team({ signers: { allOf: ["ci", "qa"] } }), app, signed("ci"), "POLICY_REFUSED"],
    [
      "a tag where a digest is asked for",
      [policy({ "docker.io": { require: "digest" } })],
      "redis:7",
      undefined,
      "POLICY_REFUSED",
    ],
    ["data that nobody read", team({}), app, undefined, "POLICY_REFUSED"],
    ["a digest that is not signed", team({}), `registry.example.com/team/app@${digest}`, unsigned, "TAG_NOT_SIGNED"],
  ];
  for (const [what, policies, image, finding, code] of refused) {
    it(`I9: refuses ${what}`, () => {
      const found = verdict(policies, image, finding);
      assert.deepEqual([found.outcome, found.outcome === "refused" && found.error.code], ["refused", code]);
    });
  }

  it("accepts a digest alone where the rule accepts any, without trust data", () => {
    const found = verdict(team({ digests: "any" }), `registry.example.com/team/app@${digest}`);
    assert.deepEqual([found.outcome, found.outcome === "allowed" && found.digest], ["allowed", digest]);
  });

  it("of the longest scope counts", () => {
    const policies = [
      policy({
        "*.example.com": { mode: "skip" },
        "registry.example.com": { require: "digest" },
        "registry.example.com/team/app:v1": { firstUse: true },
      }),
    ];
    assert.equal(verdict(policies, app, signed("ci")).rule, "registry.example.com/team/app:v1");
    assert.equal(verdict(policies, "registry.example.com/team/app:v2").rule, "registry.example.com");
    assert.equal(verdict(policies, "eu.example.com/x").rule, "*.example.com");
    assert.equal(verdict(policies, "redis").rule, "default");
  });

  it("in audit mode allows the name as it is, and says what it would refuse", () => {
    const found = verdict(team({ mode: "audit" }), app, unsigned);
    assert.deepEqual([found.outcome, found.outcome === "allowed" && found.digest], ["allowed", undefined]);
    assert.match(found.warnings.join(), /would refuse this.*No valid trust data for v1/u);
  });

  it("of a user cannot loosen the machine's", () => {
    const machine = policy(
      { "registry.example.com": { firstUse: true, signers: { anyOf: ["ci"] } } },
      { require: "reject" },
      "/etc/tagseal/policy.json",
    );
    const skipping = policy({}, { mode: "skip" }, "user.json");
    assert.deepEqual(
      [verdict([machine, skipping], app, signed()).outcome, verdict([machine, skipping], app, signed()).source],
      ["refused", "/etc/tagseal/policy.json"],
    );
    assert.equal(verdict([machine, skipping], app, signed("ci")).outcome, "allowed");
    assert.equal(
      verdict([machine, policy({}, { require: "reject" }, "user.json")], app, signed("ci")).source,
      "user.json",
    );
  });

  it("without a policy is that of content trust", () => {
    assert.equal(verdict([], app, signed()).outcome, "allowed");
    assert.equal(verdict([], app, unsigned).outcome, "refused");
    assert.equal(verdict([], `registry.example.com/team/app@${digest}`).outcome, "allowed");
  });
});

describe("requirements", () => {
  const of = (policies: readonly Policy[], image: string) => requirementsFor(policies, parseImageReference(image));

  it("name the repository under which a copy is signed", () => {
    const mirror = policy({ "mirror.example.com/hub": { firstUse: true, identity: "docker.io" } });
    const { identity, reference } = of([mirror], "mirror.example.com/hub/library/redis:7");
    assert.deepEqual([identity.registry, identity.repository, identity.tag], ["docker.io", "library/redis", "7"]);
    assert.equal(reference.registry, "mirror.example.com");
    const wild = policy({ "*.mirror.example.com": { firstUse: true, identity: "r.example.com/base" } });
    assert.equal(of([wild], "eu.mirror.example.com/a:1").identity.repository, "base/a");
  });

  it("take the shortest age, and refuse two servers", () => {
    const one = policy({}, { firstUse: true, maxStaleness: "2h", server: "https://a.example.com" }, "one.json");
    const other = policy({}, { firstUse: true, maxStaleness: "1h" }, "other.json");
    const { maxStalenessMs, server } = of([one, other], app);
    assert.deepEqual([maxStalenessMs, server], [3_600_000, "https://a.example.com"]);
    const third = policy({}, { firstUse: true, server: "https://b.example.com" }, "third.json");
    assert.throws(() => of([one, third], app), { code: "POLICY_REFUSED", message: /different trust servers/u });
  });

  it("I9: a rule without pins that forbids first use forbids it for all", () => {
    const strict = policy({}, { firstUse: false }, "strict.json");
    const open = policy({}, { firstUse: true }, "open.json");
    assert.equal(of([strict, open], app).pinning?.disableTofu, true);
    assert.equal(of([open], app).pinning, undefined);
    const pins = policy({}, { roots: [`sha256:${"ab".repeat(32)}`] }, "pins.json");
    const both = of([pins, strict], app).pinning;
    assert.deepEqual([both?.disableTofu, typeof both?.required], [true, "object"]);
    for (const others of [[pins], [pins, open]]) assert.equal(of(others, app).pinning?.disableTofu, undefined);
  });

  it("I9: refuse a repository of its rule's scope whose identity would be a registry", () => {
    const mirror = policy({ "mirror.example.com/hub": { firstUse: true, identity: "docker.io" } });
    assert.throws(() => of([mirror], "mirror.example.com/hub:7"), {
      code: "POLICY_REFUSED",
      message: /"mirror\.example\.com\/hub" of p\.json.*docker\.io.*registry/u,
    });
    const one = policy({ "mirror.example.com/redis": { firstUse: true, identity: "docker.io/library/redis" } });
    const { identity } = of([one], "mirror.example.com/redis:7");
    assert.deepEqual([identity.registry, identity.repository], ["docker.io", "library/redis"]);
  });
});
