import type { Policy, Rule } from "../../../policy/policy.ts";
import { durationWords } from "../../../tuf/timestamp-age.ts";
import { defineCommand } from "../../command.ts";
import { loadPolicies } from "../../open/policies.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { policyEnvironment } from "../../options/policy-flag.ts";
import { textTable } from "../../output/text-table.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal policy show`: the policies in force here. */
export const command = defineCommand(
  {
    path: "policy show",
    usage: "[OPTIONS]",
    summary: "Show the policies in force on this machine",
    description: [
      "Reads the machine's policy, /etc/tagseal/policy.json, and the user's, and shows their rules. A policy that cannot be used is an error with its line and column.",
      "Each policy decides alone: an image is allowed only if all of them allow it.",
    ],
    options: { json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [
      { text: "show what is in force", line: "tagseal policy show" },
      { text: "check a policy before it is in force", line: "tagseal --policy policy.json policy show" },
    ],
    environment: policyEnvironment,
    exitCodes: [
      [3, "a policy cannot be used"],
      [125, "a flag was not understood"],
    ],
  },
  async ({ options }, io) => {
    const policies = await loadPolicies(io);
    if (options.json) writeJson(io, { policies: policies.map(policyJson) });
    else if (policies.length === 0) io.stdout.write("No policy is in force: content trust decides as docker's does.\n");
    else io.stdout.write(policies.map(policyText).join("\n"));
    return 0;
  },
);

function rulesOf(policy: Policy): readonly Rule[] {
  return [...[...policy.rules.values()].toSorted((a, b) => a.scope.localeCompare(b.scope, "en")), policy.default];
}

function policyText(policy: Policy): string {
  const rows = rulesOf(policy).map((rule) => [rule.scope, rule.mode, wordsOf(rule)]);
  return `${policy.source}\n${textTable([["SCOPE", "MODE", "REQUIRES"], ...rows])}`;
}

function wordsOf(rule: Rule): string {
  if (rule.mode === "skip") return "nothing";
  if (rule.require === "reject") return "never used";
  if (rule.require === "digest") return "a digest in the name";
  return [
    "a signature",
    ...(rule.roots === undefined
      ? [rule.firstUse ? "any first root" : "a root that is known already"]
      : ["a pinned root"]),
    ...(rule.signers === undefined ? [] : [`${rule.signers.threshold} of ${rule.signers.names.join(", ")}`]),
    ...(rule.maxStalenessMs === undefined ? [] : [`signed at most ${durationWords(rule.maxStalenessMs)} ago`]),
    ...(rule.server === undefined ? [] : [`from ${rule.server}`]),
    ...(rule.identity === undefined ? [] : [`as ${rule.identity}`]),
    ...(rule.digests === "any" ? ["any digest alone"] : []),
  ].join("; ");
}

function policyJson(policy: Policy): object {
  return { source: policy.source, rules: rulesOf(policy).map(ruleJson) };
}

function ruleJson({ roots, maxStalenessMs, ...rule }: Rule): object {
  return {
    ...rule,
    pinnedRoots: roots !== undefined,
    ...(maxStalenessMs === undefined ? {} : { maxStalenessSeconds: maxStalenessMs / 1000 }),
  };
}
