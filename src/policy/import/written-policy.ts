/** An imported policy as text: JSON with a comment for everything that could not be said. */
import type { ImportedPolicy, ImportedRule } from "./imported-policy.ts";
import { oneLine, stableText } from "./stable-text.ts";

/**
 * Writes a policy.
 *
 * @param heading comments at its beginning, one a line
 */
export function writePolicy(policy: ImportedPolicy, heading: readonly string[]): string {
  const rules = policy.rules.flatMap((rule) => ruleLines(rule, "    "));
  return [
    ...comments([...heading, ...policy.notes], ""),
    "{",
    '  "version": 1,',
    ...ruleLines(policy.default, "  "),
    ...(rules.length === 0 ? [] : ['  "rules": {', ...rules, "  },"]),
    "}",
    "",
  ].join("\n");
}

function ruleLines({ scope, rule, notes }: ImportedRule, indent: string): string[] {
  return [...comments(notes, indent), `${indent}${stableText(scope)}: ${stableText(rule)},`];
}

function comments(texts: readonly string[], indent: string): string[] {
  return texts.map((text) => `${indent}// ${oneLine(text)}`);
}
