/**
 * Imports Connaisseur's policy, from the values of its Helm chart or its own configuration. Validators of the type `notaryv1` pin public root keys of
 * Notary repositories, which are pinned roots here; their delegations are signers. Other signatures are not Tagseal's.
 *
 * @see Connaisseur: basics, validators/notaryv1
 */
import { parsePublicKeyPem } from "../../crypto/public-key-pem.ts";
import { hasCode } from "../../errors.ts";
import { membersByName, type PolicyValue, quoted } from "../policy-document.ts";
import { scopeAround } from "../scope.ts";
import { type Coverage, coverageOf } from "./connaisseur-pattern.ts";
import { ImportedRules, type PartialRule } from "./imported-rules.ts";
import {
  type ImportedPolicy,
  invalidImport,
  isSameRule,
  pinHint,
  rejecting,
  skipping,
  type WrittenRule,
} from "./imported-policy.ts";
import { readYamlText } from "./yaml-text.ts";

type Members = ReadonlyMap<string, PolicyValue>;

interface Outcome {
  readonly rule: WrittenRule;
  readonly notes: readonly string[];
}

/** Where Connaisseur asks when a validator names no host. */
const usualHost = "notary.docker.io";
const everyRoot = "*";

/**
 * Imports a policy. Credentials in the file are neither read nor repeated.
 *
 * @param source the path of the file, for messages
 * @throws UsageError `FOREIGN_POLICY_INVALID`, with line and column
 */
export function importConnaisseurPolicy(source: string, text: string): ImportedPolicy {
  const document = readYamlText(source, text, invalidImport);
  const top = membersByName(document, "the file");
  const application = top.get("application");
  const found = application === undefined ? top : membersByName(application, "application");
  const [validators, policy] = [found.get("validators"), found.get("policy")];
  if (validators === undefined || policy === undefined)
    throw document.fault("it has no validators and policy, neither under application nor at its top");
  const byName = validatorsOf(validators);
  const rules = new ImportedRules();
  rules.note(
    "Connaisseur's patterns are also about registries whose name ends so; a rule is about the registry of that name.",
  );
  for (const entry of policy.entries("policy")) addRule(rules, membersByName(entry, "a rule"), entry, byName);
  return finished(rules, found);
}

function finished(rules: ImportedRules, found: Members): ImportedPolicy {
  const features = found.get("features");
  const settings: Members = features === undefined ? new Map() : membersByName(features, "features");
  if (settings.has("namespacedValidation"))
    rules.note("namespacedValidation is not imported: a policy is about images, wherever they are used.");
  const audit = settings.get("detectionMode")?.flag("detectionMode") === true;
  if (audit) rules.note('detectionMode is on, so no rule refuses: remove each "mode": "audit" to enforce it.');
  return rules.finish({ audit });
}

function validatorsOf(list: PolicyValue): ReadonlyMap<string, Members> {
  const found = new Map<string, Members>();
  for (const entry of list.entries("validators")) {
    const members = membersByName(entry, "a validator");
    const name = members.get("name");
    if (name === undefined) throw entry.fault("the validator has no name");
    const text = name.text("name");
    if (found.has(text)) throw name.fault(`two validators are called ${quoted(text)}`);
    found.set(text, members);
  }
  return found;
}

function addRule(
  rules: ImportedRules,
  found: Members,
  entry: PolicyValue,
  validators: ReadonlyMap<string, Members>,
): void {
  const written = found.get("pattern");
  if (written === undefined) throw entry.fault("the rule has no pattern");
  const pattern = written.text("pattern");
  const coverage = coverageOf(pattern);
  const name = found.get("validator")?.text("validator") ?? "default";
  const validator = validators.get(name);
  const options = found.get("with");
  const { rule, notes } =
    validator === undefined
      ? { rule: rejecting, notes: [`There is no validator ${quoted(name)}, so Connaisseur refuses it.`] }
      : ruleOf(validator, options === undefined ? new Map() : membersByName(options, "with"));
  addCoverage(rules, pattern, coverage, { rule, notes });
}

function addCoverage(rules: ImportedRules, pattern: string, coverage: Coverage, outcome: Outcome): void {
  const { rule } = outcome;
  const notes = [`Connaisseur's ${quoted(pattern)}.`, ...outcome.notes];
  const depth = pattern.split("/").length;
  if (coverage.kind === "everything") {
    rules.setDefault(rule, notes);
    return;
  }
  if (coverage.kind === "part") {
    const why = "a scope has no wildcards inside and no digest";
    rules.addPart({ names: pattern, why, within: coverage.within, rule, depth, start: coverage.start });
    return;
  }
  const { scope, rest } = coverage;
  const widened = isSameRule(rule, skipping) && scope.includes("/");
  const below = widened ? ["This is about everything below it as well."] : [];
  rules.add(scope, rule, [...notes, ...below, ...(rule === rejecting ? hintFor(outcome, scope) : [])], depth);
  if (rest && rule !== skipping) rules.addPart(restOf(pattern, scope, rule, depth));
}

function hintFor({ notes }: Outcome, scope: string): readonly string[] {
  return notes.length === 0 ? [] : [pinHint(scope)];
}

/** `docker.io/team/app` also matches `docker.io/team/app-two`. */
function restOf(pattern: string, scope: string, rule: WrittenRule, depth: number): PartialRule {
  const within = scopeAround(scope);
  const isTag = within !== undefined && scope.startsWith(`${within}:`);
  const end = scope.includes("/") ? ":*" : "/*";
  const why = isTag
    ? "to Connaisseur a tag is also the beginning of longer tags"
    : `it is also the beginning of longer names; ${quoted(pattern + end)} is this one alone`;
  return { names: `${pattern}*`, why, within, rule, depth };
}

function ruleOf(validator: Members, options: Members): Outcome {
  const type = validator.get("type")?.text("type") ?? "";
  if (type === "static")
    return { rule: validator.get("approve")?.flag("approve") === true ? skipping : rejecting, notes: [] };
  if (type === "notaryv1") return notaryRule(validator, options);
  return { rule: rejecting, notes: [`It asks for a signature of the type ${quoted(type)}, which is not Tagseal's.`] };
}

function rejected(reason: string): Outcome {
  return { rule: rejecting, notes: [reason] };
}

function notaryRule(validator: Members, options: Members): Outcome {
  const host = validator.get("host")?.text("host") ?? usualHost;
  const server = /^https?:\/\//iu.test(host) ? host : `https://${host}`;
  if (URL.parse(server)?.protocol !== "https:")
    return rejected(`A rule can only name a trust server with https, not ${quoted(host)}.`);
  const wanted = options.get("trustRoot")?.text("trustRoot") ?? "default";
  const roots = rootsOf(validator, wanted);
  if (roots.length === 0)
    return rejected(`The validator has no trust root ${quoted(wanted)}, so Connaisseur refuses it.`);
  const signers = (options.get("delegations")?.entries("delegations") ?? []).map((entry) =>
    entry.text("a delegation").replace(/^targets\//u, ""),
  );
  const unnamed = signers.find((name) => name === "releases" || name.includes("/"));
  if (unnamed !== undefined)
    return rejected(`The delegation ${quoted(unnamed)} is not a signer, so no rule asks for it.`);
  const rule = { server, roots, ...(signers.length === 0 ? {} : { signers: { allOf: [...new Set(signers)] } }) };
  return { rule, notes: validatorNotes(validator) };
}

/** What only the machine can be given. */
function validatorNotes(validator: Members): readonly string[] {
  return [
    ...(validator.has("auth") ? ["Its credentials are not imported: run `tagseal login`."] : []),
    ...(validator.has("cert")
      ? ["The certificate of its trust server is not imported: put it below ~/.docker/tls/."]
      : []),
  ];
}

/** The IDs of public root keys, which are those of the certificates that hold them. */
function rootsOf(validator: Members, wanted: string): readonly string[] {
  const list = validator.get("trustRoots")?.entries("trustRoots") ?? [];
  const roots = list.map((entry) => ({ entry, found: membersByName(entry, "a trust root") }));
  const chosen = roots.filter(({ found }) => wanted === everyRoot || found.get("name")?.text("name") === wanted);
  return [...new Set(chosen.map(({ entry, found }) => `sha256:${keyIdOf(found.get("key"), entry)}`))];
}

function keyIdOf(key: PolicyValue | undefined, root: PolicyValue): string {
  if (key === undefined) throw root.fault("the trust root has no key");
  try {
    return parsePublicKeyPem(key.text("key")).keyId;
  } catch (cause) {
    if (hasCode(cause, "PEM_MALFORMED", "DER_MALFORMED", "KEY_UNSUPPORTED", "KEY_MALFORMED"))
      throw key.fault(`the key is not a public key: ${cause.message}`, cause);
    throw cause;
  }
}
