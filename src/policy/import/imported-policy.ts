/**
 * Policies of other tools, as rules of Tagseal. What their formats say and ours cannot becomes `reject`, with a note: an imported policy is never looser
 * than the one that was read. This folder is pure, as its parent.
 */
import { UsageError } from "../../errors.ts";
import { stableText } from "./stable-text.ts";

/** The members of a rule, as they are written. */
export interface WrittenRule {
  readonly require?: "reject";
  readonly mode?: "audit" | "skip";
  readonly server?: string;
  readonly roots?: readonly string[];
  readonly firstUse?: boolean;
  readonly signers?: { readonly allOf: readonly string[] };
}

/** A rule for a scope, and what has to be known about it. */
export interface ImportedRule {
  readonly scope: string;
  readonly rule: WrittenRule;
  /** one sentence each, on one line */
  readonly notes: readonly string[];
}

/** What an import leads to. */
export interface ImportedPolicy {
  /** its scope is `default` */
  readonly default: ImportedRule;
  readonly rules: readonly ImportedRule[];
  /** about the policy as a whole */
  readonly notes: readonly string[];
}

/** The rule that refuses. */
export const rejecting: WrittenRule = { require: "reject" };

/** The rule that asks nothing. */
export const skipping: WrittenRule = { mode: "skip" };

/** The error for a policy of another tool that cannot be read. */
export function invalidImport(place: string, reason: string, cause?: unknown): UsageError {
  return new UsageError("FOREIGN_POLICY_INVALID", `cannot import ${place}: ${reason}`, {
    cause,
    hint: "Nothing was written. Correct the file, or name another one.",
  });
}

/** What to do where another kind of signature was asked for. */
export function pinHint(name: string): string {
  return `When it is signed with Tagseal, take the rule that \`tagseal policy pin ${name}\` prints.`;
}

/** True when both rules say the same. */
export function isSameRule(one: WrittenRule, other: WrittenRule): boolean {
  return stableText(one) === stableText(other);
}
