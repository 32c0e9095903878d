import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseImageReference } from "../../reference/image-reference.ts";
import type { Policy } from "../policy.ts";
import { parsePolicy } from "../policy-parser.ts";
import { ruleFor } from "../requirements.ts";
import { importContainersPolicy } from "./containers-policy.ts";
import { writePolicy } from "./written-policy.ts";

const accept = [{ type: "insecureAcceptAnything" }];
const reject = [{ type: "reject" }];
const gpg = { type: "signedBy", keyType: "GPGKeys", keyPath: "/etc/pki/team.gpg" };
const sigstore = { type: "sigstoreSigned", keyPath: "/etc/pki/team.pub" };

function written(policy: object): string {
  return writePolicy(importContainersPolicy("policy.json", JSON.stringify(policy)), ["heading"]);
}

function imported(policy: object): Policy {
  return parsePolicy(written(policy), { source: "ours.json", read: () => assert.fail("no file is named") });
}

/** What decides about an image, in a word. */
function wordFor(policy: Policy, image: string): string {
  const rule = ruleFor(policy, parseImageReference(image));
  return rule.mode === "skip" ? "skip" : rule.require;
}

describe("a policy of podman", () => {
  it("keeps what it accepts and rejects, by the same scopes", () => {
    const policy = imported({
      default: reject,
      transports: {
        docker: {
          "registry.example.com/team": accept,
          "registry.example.com/team/secret": reject,
          "registry.example.com/team/app:old": reject,
          "*.dev.example.com": accept,
          "docker.io/library": accept,
        },
      },
    });
    const words = new Map([
      ["registry.example.com/team/app:1", "skip"],
      ["registry.example.com/team/app:old", "reject"],
      ["registry.example.com/team/secret/deep:1", "reject"],
      ["registry.example.com/other:1", "reject"],
      ["a.dev.example.com/x:1", "skip"],
      ["redis:7", "skip"],
      ["user/redis:7", "reject"],
    ]);
    for (const [image, word] of words) assert.equal(wordFor(policy, image), word, image);
  });

  it("of registries alone counts: the default of docker: comes before the general one", () => {
    const policy = { default: accept, transports: { docker: { "": reject }, "docker-daemon": { "": accept } } };
    assert.equal(wordFor(imported(policy), "redis:7"), "reject");
    assert.match(written(policy), /^\/\/ Rules for "docker-daemon" are not imported/mu);
  });

  it("refuses what asks for other signatures, and says what to do", () => {
    const mirror = {
      ...gpg,
      signedIdentity: { type: "remapIdentity", prefix: "m.example.com", signedPrefix: "docker.io" },
    };
    const policy = {
      default: reject,
      transports: { docker: { "r.example.com/a": [sigstore, ...accept], "m.example.com": [mirror] } },
    };
    assert.equal(wordFor(imported(policy), "r.example.com/a/x:1"), "reject");
    assert.equal(wordFor(imported(policy), "m.example.com/a:1"), "reject");
    assert.match(
      written(policy),
      /\/\/ It asks for a sigstore signature.*\n.*`tagseal policy pin r\.example\.com\/a`/u,
    );
    assert.match(written(policy), /signature made with GnuPG.*"identity": "docker\.io"\./u);
  });

  it("counts all requirements of a list", () => {
    assert.equal(wordFor(imported({ default: [...accept, ...reject] }), "redis:7"), "reject");
    assert.doesNotMatch(written({ default: [gpg, ...reject] }), /asks for/u);
    assert.equal(wordFor(imported({ default: [...accept, gpg] }), "redis:7"), "reject");
  });

  it("is never looser where a scope cannot be said: the rule around it refuses", () => {
    const digest = `r.example.com/app@sha256:${"1".repeat(64)}`;
    const refusing = imported({
      default: reject,
      transports: { docker: { "r.example.com/app": accept, [digest]: reject } },
    });
    assert.equal(wordFor(refusing, "r.example.com/app:1"), "reject");
    const accepting = { default: reject, transports: { docker: { [digest]: accept } } };
    assert.equal(wordFor(imported(accepting), "r.example.com/app:1"), "reject");
    assert.match(written(accepting), /is asked nothing, but this rule decides about it too/u);
  });

  it("cannot put text beside its comments", () => {
    const scope = 'r.example.com/a\n"default": {"mode": "skip"}, // \u2028\u202e';
    const text = written({ default: reject, transports: { docker: { [scope]: [sigstore] }, 'x"\n}': {} } });
    const policy = parsePolicy(text, { source: "ours.json", read: () => "" });
    assert.deepEqual([policy.default.require, policy.rules.size], ["reject", 0]);
    assert.doesNotMatch(text, /[\u2028\u202e]/u);
    const open = written({ default: accept, transports: { docker: { [scope]: [sigstore] } } });
    const { rules } = parsePolicy(open, { source: "ours.json", read: () => "" });
    assert.deepEqual(
      [...rules].map(([around, { require }]) => [around, require]),
      [["r.example.com", "reject"]],
    );
    assert.match(open, /because of .*\\u2028\\u202e/u);
  });

  it("that is malformed is refused in one sentence, with line and column", () => {
    const faults: readonly (readonly [string, RegExp])[] = [
      ["{", /policy\.json:1:2: close brace expected$/u],
      ["[]", /policy\.json:1:1: the policy is not an object$/u],
      ["{}", /policy\.json:1:1: "default" is missing$/u],
      ['{\n "default": []}', /policy\.json:2:13: the list of requirements is empty$/u],
      ['{"default": [{}]}', /policy\.json:1:14: the requirement has no "type"$/u],
      ['{"default": [{"type": "reject"}], "dfault": 1}', /1:35: the policy has the unknown member "dfault"/u],
      ['{"default": [{"type":"reject"}], "default": []}', /1:34: the policy has "default" twice$/u],
      [" ".repeat(1024 * 1024 + 1), /policy\.json: it has more than 1048576 characters$/u],
      [`{"default": ${"[".repeat(200_000)}`, /nested too deeply|expected/u],
    ];
    for (const [text, message] of faults)
      assert.throws(() => importContainersPolicy("policy.json", text), { code: "FOREIGN_POLICY_INVALID", message });
  });
});
