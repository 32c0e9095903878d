/** The policy of docs/policy.md, and its tests, are what they claim to be; editors that know the schema accept it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "jsonc-parser";
import { parsePolicy } from "../src/policy/policy-parser.ts";
import { runPolicyTests } from "../src/policy/policy-tests.ts";
import { fencedBlocks } from "./support/markdown.ts";

const root = resolve(import.meta.dirname, "..");
const [policy, cases] = fencedBlocks(readFileSync(resolve(root, "docs/policy.md"), "utf8"))
  .filter(({ info }) => info === "jsonc")
  .map(({ text }) => text);
const schema: unknown = JSON.parse(readFileSync(resolve(root, "schemas/policy.schema.json"), "utf8"));

describe("the policy of docs/policy.md", () => {
  it("can be used", () => {
    const { rules } = parsePolicy(policy ?? "", { source: "policy.json", read: () => assert.fail("no file is named") });
    assert.equal(rules.size, 4);
  });

  it("passes the cases of the page", () => {
    const results = runPolicyTests(cases ?? "", { source: "cases.json", read: () => policy ?? "", now: new Date() });
    assert.deepEqual(
      results.map(({ failure }) => failure),
      [undefined, undefined, undefined],
    );
  });

  it("fits the schema, which refuses what the parser refuses", () => {
    const fits = new Ajv2020({ strict: true, strictRequired: false }).compile(schema as object);
    const good: object = parse(policy ?? "", [], { allowTrailingComma: true });
    assert.equal(fits(good), true, JSON.stringify(fits.errors));
    const broken: readonly object[] = [
      { version: 2 },
      { default: {} },
      { defualt: {} },
      { default: { firstUse: true, roots: [`sha256:${"ab".repeat(32)}`] } },
      { default: { mode: "skip", require: "reject" } },
      { default: { mode: "warn", firstUse: true } },
      { default: { require: "digest", signers: { anyOf: ["a"] } } },
      { default: { firstUse: true, signers: { anyOf: [] } } },
      { default: { firstUse: true, signers: { anyOf: ["a"], allOf: ["a"] } } },
      { default: { firstUse: true, maxStaleness: "24" } },
      { default: { firstUse: true, server: "http://x" } },
    ];
    for (const change of broken) {
      const text = JSON.stringify({ ...good, ...change });
      assert.equal(fits(JSON.parse(text)), false, text);
      assert.throws(() => parsePolicy(text, { source: "p.json", read: () => "" }), { code: "POLICY_INVALID" }, text);
    }
  });
});
