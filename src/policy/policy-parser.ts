/**
 * Reads a policy: JSON with comments, version 1. Everything that is misspelt, contradicts itself or would never count is refused, because a rule that
 * is skipped would let something in.
 */
import { durationHint, durationMs } from "../timing/length-of-time.ts";
import type { Digests, Mode, Policy, Requirement, Rule, SignerRequirement } from "./policy.ts";
import { knownMembers, type PolicyMember, type PolicyValue, quoted, readPolicyText } from "./policy-document.ts";
import { parseRoots, type ReadPolicyFile } from "./root-pins.ts";
import { defaultScope, scopeFault, withoutTag } from "./scope.ts";

/** Where a policy is from, and how to read the files that it names. */
export interface PolicySource {
  /** the path of the file, for messages */
  readonly source: string;
  /** reads a file that the policy names; relative paths begin at the policy's directory */
  readonly read: ReadPolicyFile;
}

const members = ["$schema", "version", "default", "rules"] as const;
const ruleMembers = [
  "require",
  "mode",
  "server",
  "roots",
  "firstUse",
  "signers",
  "maxStaleness",
  "digests",
  "identity",
] as const;
type RuleMember = (typeof ruleMembers)[number];

const requirements: readonly Requirement[] = ["signed", "digest", "reject"];
const modes: readonly Mode[] = ["enforce", "audit", "skip"];
const digestKinds: readonly Digests[] = ["signed", "any"];

/**
 * Parses a policy.
 *
 * @throws UsageError `POLICY_INVALID`, with line and column
 */
export function parsePolicy(text: string, from: PolicySource): Policy {
  const document = readPolicyText(from.source, text);
  const found = knownMembers(document, "the policy", members);
  const version = found.get("version");
  if (version === undefined) throw document.fault('"version" is missing; write "version": 1');
  if (version.count("version", 1) !== 1) throw version.fault("this version of Tagseal reads version 1 only");
  const fallback = found.get("default");
  if (fallback === undefined)
    throw document.fault('"default" is missing; to refuse all other images write "default": {"require": "reject"}');
  const rules = (found.get("rules")?.members("rules") ?? []).map((member) => scopedRule(member, from));
  return {
    source: from.source,
    default: parseRule(fallback, defaultScope, from),
    rules: new Map(rules.map((rule) => [rule.scope, rule])),
  };
}

function scopedRule({ name, place, value }: PolicyMember, from: PolicySource): Rule {
  const fault = scopeFault(name);
  if (fault !== undefined) throw place.fault(`${quoted(name)} is not a scope: ${fault}`);
  return parseRule(value, name, from);
}

type RuleValues = ReadonlyMap<RuleMember, PolicyValue>;

function parseRule(value: PolicyValue, scope: string, from: PolicySource): Rule {
  const found = knownMembers(value, `the rule for ${quoted(scope)}`, ruleMembers);
  const require = found.get("require")?.oneOf("require", requirements) ?? "signed";
  const mode = found.get("mode")?.oneOf("mode", modes) ?? "enforce";
  refuseUnused(found, require, mode);
  const roots = found.get("roots");
  const firstUse = found.get("firstUse")?.flag("firstUse");
  if (roots !== undefined && firstUse === true)
    throw value.fault("the rule has roots, and firstUse would trust any other root as well: leave one of them out");
  if (require === "signed" && mode !== "skip" && roots === undefined && firstUse === undefined)
    throw value.fault(
      'the rule neither has roots nor says whether a first root is trusted: add "roots", or "firstUse": true',
    );
  return {
    scope,
    require,
    mode,
    firstUse: firstUse === true,
    digests: found.get("digests")?.oneOf("digests", digestKinds) ?? "signed",
    ...present("server", found.get("server"), serverAddress),
    ...present("roots", roots, (given) => parseRoots(given, from.read)),
    ...present("signers", found.get("signers"), parseSigners),
    ...present("maxStalenessMs", found.get("maxStaleness"), lengthOfTime),
    ...present("identity", found.get("identity"), (given) => identityOf(given, scope)),
  };
}

/** A member that would not count in this rule is a mistake about what the rule does. */
function refuseUnused(found: RuleValues, require: Requirement, mode: Mode): void {
  if (require === "signed" && mode !== "skip") return;
  const why = mode === "skip" ? 'mode "skip" asks nothing' : `require ${quoted(require)} asks for no signature`;
  for (const [name, value] of found)
    if (name !== "require" && name !== "mode") throw value.fault(`${quoted(name)} has no effect here: ${why}`);
  const mood = found.get("mode");
  if (mode === "skip" && found.has("require") && mood !== undefined)
    throw mood.fault('a rule with mode "skip" cannot require anything');
}

function serverAddress(value: PolicyValue): string {
  const text = value.text("server");
  if (URL.parse(text)?.protocol === "https:") return text;
  throw value.fault("server is not an address such as https://trust.example.com:4443");
}

function parseSigners(value: PolicyValue): SignerRequirement {
  const found = knownMembers(value, "signers", ["anyOf", "allOf", "threshold"] as const);
  const [anyOf, allOf, threshold] = [found.get("anyOf"), found.get("allOf"), found.get("threshold")];
  const list = anyOf ?? allOf;
  if (list === undefined || (anyOf !== undefined && allOf !== undefined))
    throw value.fault('signers needs "anyOf" or "allOf", and not both');
  const names = signerNames(list);
  if (allOf !== undefined) {
    if (threshold !== undefined) throw threshold.fault('"threshold" has no effect beside "allOf"');
    return { names, threshold: names.length };
  }
  const needed = threshold?.count("threshold", 1) ?? 1;
  if (needed > names.length)
    throw value.fault(`the threshold is ${needed}, but only ${names.length} signers are named`);
  return { names, threshold: needed };
}

function signerNames(list: PolicyValue): readonly string[] {
  const entries = list.entries("the list of signers");
  if (entries.length === 0) throw list.fault("the list of signers is empty");
  const names = new Set<string>();
  for (const entry of entries) {
    const name = entry.text("a signer");
    if (names.has(name)) throw entry.fault(`the signer ${quoted(name)} is named twice`);
    names.add(name);
  }
  return [...names];
}

function lengthOfTime(value: PolicyValue): number {
  const ms = durationMs(value.text("maxStaleness"));
  if (ms === undefined) throw value.fault(`maxStaleness is not a length of time. ${durationHint}`);
  return ms;
}

function identityOf(value: PolicyValue, scope: string): string {
  const identity = value.text("identity");
  const isName = !identity.includes("*") && withoutTag(identity) === identity;
  const fault = scopeFault(identity) ?? (isName ? undefined : "it has a wildcard or a tag");
  if (fault !== undefined) throw value.fault(`identity is neither a registry nor a registry and a path: ${fault}`);
  if (withoutTag(scope) !== scope && !identity.includes("/"))
    throw value.fault("identity is a registry, and the rule is about one repository: name the repository as well");
  return identity;
}

function present<K extends string, T>(
  name: K,
  value: PolicyValue | undefined,
  parse: (value: PolicyValue) => T,
): { [P in K]?: T } {
  return value === undefined ? {} : ({ [name]: parse(value) } as { [P in K]: T });
}
