import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { publicKeyPem } from "../../crypto/public-key-pem.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { parseImageReference } from "../../reference/image-reference.ts";
import type { Policy, Rule } from "../policy.ts";
import { parsePolicy } from "../policy-parser.ts";
import { ruleFor } from "../requirements.ts";
import { importConnaisseurPolicy } from "./connaisseur-policy.ts";
import type { ImportedPolicy, WrittenRule } from "./imported-policy.ts";
import { writePolicy } from "./written-policy.ts";

const [one, two] = [PrivateKey.generate("ecdsa").publicKey, PrivateKey.generate("rsa").publicKey];

function indented(text: string, by: number): string {
  return text.trimEnd().replaceAll(/^/gmu, " ".repeat(by));
}

const validators = `
validators:
  - name: allow
    type: static
    approve: true
  - name: deny
    type: static
    approve: false
  - name: default
    type: notaryv1
    host: trust.example.com:4443
    auth: { username: reader, password: not-to-be-repeated }
    trustRoots:
      - name: default
        key: |
${indented(publicKeyPem(one), 10)}
      - name: second
        key: |
${indented(publicKeyPem(two), 10)}
  - name: keyless
    type: cosign
    trustRoots: [{ name: default, key: x }]
  - name: plain
    type: notaryv1
    host: http://trust.example.com
    trustRoots: [{ name: default, key: x }]
`;

function imported(policy: readonly object[], more = ""): ImportedPolicy {
  return importConnaisseurPolicy("values.yaml", `${validators}policy: ${JSON.stringify(policy)}\n${more}`);
}

function rules(policy: ImportedPolicy): Record<string, WrittenRule> {
  return Object.fromEntries([policy.default, ...policy.rules].map(({ scope, rule }) => [scope, rule]));
}

function notesOf(policy: ImportedPolicy): string {
  return [policy.default, ...policy.rules].flatMap(({ notes }) => notes).join("\n");
}

const server = "https://trust.example.com:4443";
const rejected = { require: "reject" };
const signed = { server, roots: [`sha256:${one.keyId}`] };

describe("a policy of Connaisseur", () => {
  it("pins the public root keys of Notary's repositories, on their server, with their signers", () => {
    const policy = imported([
      { pattern: "*:*", validator: "deny" },
      { pattern: "docker.io/team/*:*" },
      { pattern: "index.docker.io/team/app:*", with: { trustRoot: "*", delegations: ["ci", "targets/alice"] } },
      { pattern: "*.dev.example.com/*:*", validator: "allow" },
      { pattern: "registry.k8s.io/*", validator: "allow" },
    ]);
    assert.deepEqual(rules(policy), {
      default: rejected,
      "*.dev.example.com": { mode: "skip" },
      "docker.io/team": signed,
      "docker.io/team/app": {
        server,
        roots: [`sha256:${one.keyId}`, `sha256:${two.keyId}`],
        signers: { allOf: ["ci", "alice"] },
      },
      "registry.k8s.io": { mode: "skip" },
    });
    assert.doesNotMatch(writePolicy(policy, []), /not-to-be-repeated|reader/u);
    assert.match(notesOf(policy), /`tagseal login`/u);
  });

  it("of a Helm chart is found below application; names that match no pattern are refused", () => {
    const chart = `kubernetes: {deployment: {replicasCount: 3}}\napplication:${indented(validators, 2)}\n  policy: [{pattern: "r.example.com/*:*"}]\n`;
    const policy = importConnaisseurPolicy("values.yaml", chart);
    assert.deepEqual(rules(policy), { default: rejected, "r.example.com": signed });
  });

  it("refuses what is not Tagseal's or cannot be said, with the reason", () => {
    for (const [rule, why] of [
      [{ validator: "keyless" }, /type "cosign".*\n.*policy pin r\.example\.com\/a/u],
      [{ validator: "plain" }, /https, not "http:\/\/trust\.example\.com"/u],
      [{ validator: "gone" }, /no validator "gone"/u],
      [{ with: { trustRoot: "gone" } }, /no trust root "gone"/u],
      [{ with: { delegations: ["releases"] } }, /"releases" is not a signer/u],
      [{ with: { delegations: ["targets/a/b"] } }, /"a\/b" is not a signer/u],
    ] as const) {
      const policy = imported([{ pattern: "r.example.com/a:*", ...rule }]);
      assert.deepEqual(rules(policy)["r.example.com/a"], rejected, JSON.stringify(rule));
      assert.match(notesOf(policy), why);
    }
  });

  it("in detection mode warns only", () => {
    const policy = imported(
      [
        { pattern: "*:*", validator: "deny" },
        { pattern: "r.example.com/*:*" },
        { pattern: "x.io/*", validator: "allow" },
      ],
      "features: { detectionMode: true, namespacedValidation: { mode: ignore } }\n",
    );
    assert.deepEqual(rules(policy), {
      default: { ...rejected, mode: "audit" },
      "r.example.com": { ...signed, mode: "audit" },
      "x.io": { mode: "skip" },
    });
    assert.match(policy.notes.join("\n"), /namespacedValidation is not imported.*\n.*detectionMode is on/u);
  });

  it("with patterns that are not scopes refuses around them, unless that is refused already", () => {
    const open = { pattern: "*:*", validator: "allow" };
    assert.deepEqual(rules(imported([open, { pattern: "r.example.com/a:v*" }])), {
      default: { mode: "skip" },
      "r.example.com/a": rejected,
    });
    assert.deepEqual(rules(imported([open, { pattern: "myteam/*:*" }])), { default: rejected });
    assert.deepEqual(rules(imported([{ pattern: "r.example.com/*/x:*" }])), { default: rejected });
    assert.deepEqual(rules(imported([open, { pattern: "r.example.com/a" }])), {
      default: { mode: "skip" },
      "r.example.com": rejected,
      "r.example.com/a": signed,
    });
    const inside = { pattern: "r.example.com/*/z:*", validator: "deny" };
    assert.deepEqual(rules(imported([{ pattern: "r.example.com/a", validator: "allow" }, inside])), {
      default: rejected,
      "r.example.com/a": rejected,
    });
    const digest = `r.example.com/a@sha256:${"1".repeat(64)}`;
    assert.deepEqual(rules(imported([{ pattern: digest, validator: "allow" }])), { default: rejected });
    assert.deepEqual(rules(imported([open, { pattern: digest, validator: "deny" }])), {
      default: { mode: "skip" },
      "r.example.com/a": rejected,
    });
  });

  it("that is malformed is refused in one sentence, with line and column", () => {
    const faults: readonly (readonly [string, RegExp])[] = [
      ["", /values\.yaml:1:1: it is empty$/u],
      ["a: [", /values\.yaml:1:5: /u],
      ["a: 1\na: 2\n", /values\.yaml:2:1: Map keys must be unique$/u],
      ["- x", /values\.yaml:1:1: the file is not an object$/u],
      ["validators: []", /1:1: it has no validators and policy/u],
      ["validators:\n  - type: static\npolicy: []", /2:5: the validator has no name$/u],
      [`${validators}policy:\n  - validator: deny\n`, /the rule has no pattern$/u],
      [`${validators}policy: [{pattern: "*:*", validator: keyless, with: 1}]`, /with is not an object$/u],
      ["a: &x [1]\nb: {<<: *x}", /2:5: this is not understood/u],
      ["a: !!js/function 'x'\n? [1]\n: 2", /\d+:\d+: /u],
      ["a: &a [*a]", /nested more than 50 levels|not understood|Unresolved/u],
      ["--- 1\n--- 2\n", /multiple documents/u],
      ["[".repeat(20_000), /values\.yaml/u],
    ];
    for (const [text, message] of faults)
      assert.throws(
        () => importConnaisseurPolicy("values.yaml", text),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "FOREIGN_POLICY_INVALID", `${text.slice(0, 40)}: ${String(error)}`);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/u);
          return true;
        },
      );
  });

  it("cannot grow without bounds by aliases", () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `a${level}: &a${level} [${
          level === 0
            ? "x"
            : Array(9)
                .fill(`*a${level - 1}`)
                .join(", ")
        }]`,
    );
    assert.throws(() => importConnaisseurPolicy("values.yaml", `${levels.join("\n")}\n`), {
      code: "FOREIGN_POLICY_INVALID",
      message: /more than 50000 values/u,
    });
  });
});

function matches(glob: string, image: string): boolean {
  const source = glob.replaceAll(/\*+|\./gu, (c) => (c === "." ? String.raw`\.` : ".*"));
  return new RegExp(`^${source}$`, "u").test(image);
}

/** Connaisseur's own choice of a rule, as its documentation describes it. */
function theirs(patterns: readonly Sample[], image: string): Sample | undefined {
  const prefix = (a: string, b: string): number => Array.from(a).findIndex((c, i) => c !== b[i]) >>> 0;
  const rank = ({ pattern }: Sample): readonly number[] => {
    const parts = pattern.split("/");
    const names = image.split("/");
    const lengths = parts.map((part, index) => Math.min(prefix(part, names[index] ?? ""), part.length));
    return [parts.length, ...lengths, ...parts.map((part) => part.length)];
  };
  const matching = patterns.filter(({ pattern }) => {
    return matches(`*${pattern}*`, image);
  });
  const compare = (a: readonly number[], b: readonly number[]): number => {
    const at = a.findIndex((value, index) => value !== b[index]);
    return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
  };
  return matching.toSorted((a, b) => compare(rank(b), rank(a)))[0];
}

interface Sample {
  readonly pattern: string;
  readonly validator: "allow" | "deny" | "default" | "other";
}

const hosts = ["a.io", "b.a.io", "ba.io"];
const path = fc.constantFrom("x", "xy", "x/z", "xy/z", "x/z/q", "z");
const named = fc.tuple(fc.constantFrom(...hosts), path).map(([host, rest]) => `${host}/${rest}`);
const pattern = fc.oneof(
  named.map((name) => `${name}:*`),
  named.map((name) => `${name}/*:*`),
  named.map((name) => `${name}/*`),
  named,
  named.map((name) => `${name}:1`),
  named.map((name) => `${name}:1*`),
  fc.constantFrom("*/x:*", "*/*/z:*", "*.a.io/*:*", "a.io/*/z:*", "a.io/x*:*", "x/*:*", "*.io/x/*"),
);
const strict = fc.record({ pattern, validator: fc.constantFrom("deny", "default", "other") });
const lax = fc.record({
  pattern: fc.constantFrom("*:*", "a.io/*:*", "b.a.io/*:*"),
  validator: fc.constantFrom("allow", "deny", "default"),
});

function oursAbout(policy: Policy, image: string): Rule {
  return ruleFor(policy, parseImageReference(image));
}

describe("an imported policy of Connaisseur", () => {
  it("never lets in what Connaisseur would refuse, and asks for the same root keys", () => {
    const other = `  - name: other\n    type: notaryv1\n    trustRoots: [{name: default, key: ${JSON.stringify(publicKeyPem(two))}}]\n`;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(strict, lax), { selector: (each) => each.pattern, maxLength: 6 }),
        fc.tuple(named, fc.constantFrom("1", "12", "2")),
        (samples, [name, tag]) => {
          // a rule for a repository is about those below it, and one for a path about the repository of that name; a note says the rest
          fc.pre(!samples.some((each) => isWidened(each, name) || matchesOtherHost(each, `${name}:${tag}`)));
          const text = `${validators}${other}policy: ${JSON.stringify(samples)}\n`;
          const ours = parsePolicy(writePolicy(importConnaisseurPolicy("values.yaml", text), []), {
            source: "ours.json",
            read: () => "",
          });
          const image = `${name}:${tag}`;
          const rule = oursAbout(ours, image);
          const validator = theirs(samples, image)?.validator ?? "deny";
          const allows: readonly string[] = { allow: ["skip"], deny: [], default: ["one"], other: ["two"] }[validator];
          const does = rule.mode === "skip" ? "skip" : rule.require === "reject" ? undefined : keyOf(rule);
          assert.ok(
            does === undefined || validator === "allow" || allows.includes(does),
            `${image}: ${does} for ${validator}`,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

function keyOf({ roots }: Rule): string {
  return roots?.accepts(one, new Date()) === true ? "one" : "two";
}

/** A pattern without a wildcard before its host is about every host that ends so. */
function matchesOtherHost({ pattern: text }: Sample, image: string): boolean {
  return !text.startsWith("*") && matches(`*${text}*`, image) && !matches(`${text}*`, image);
}

function isWidened({ pattern: text }: Sample, name: string): boolean {
  const repository = /^([^*]+?)(?::[^/]*)?$/u.exec(text)?.[1];
  if (repository !== undefined && !text.endsWith("/*:*") && name.startsWith(`${repository}/`)) return true;
  return text.replace(/\/\*(:\*)?$/u, "") === name && /\/\*(:\*)?$/u.test(text);
}
