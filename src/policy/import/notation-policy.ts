/**
 * Imports a trust policy of Notation, `trustpolicy.oci.json` or `trustpolicy.json` 1.0.
 *
 * Notation's signatures are not Tagseal's. What carries over is the publisher: a certificate authority that Notation trusts for a repository is one that
 * may have issued the certificate of its root key. Revocation of certificates and single identities are not in our format.
 *
 * @see Notary Project: Trust Store and Trust Policy
 */
import { knownMembers, type PolicyValue, quoted, readPolicyText } from "../policy-document.ts";
import { ImportedRules } from "./imported-rules.ts";
import {
  type ImportedPolicy,
  invalidImport,
  pinHint,
  rejecting,
  skipping,
  type WrittenRule,
} from "./imported-policy.ts";

/** The certificates of a trust store of the kind `ca`: absolute paths of its files; none when there is no such store. */
export type AuthoritiesOf = (store: string) => readonly string[];

const statementMembers = [
  "name",
  "registryScopes",
  "signatureVerification",
  "trustStores",
  "trustedIdentities",
] as const;
type StatementMember = (typeof statementMembers)[number];

const levels = ["strict", "permissive", "audit", "skip"] as const;
const actions = ["enforce", "log", "skip"] as const;
const checks = ["authenticity", "authenticTimestamp", "expiry", "revocation"] as const;

/**
 * Imports a policy.
 *
 * @param source the path of the file, for messages
 * @throws UsageError `FOREIGN_POLICY_INVALID`, with line and column
 */
export function importNotationPolicy(source: string, text: string, authorities: AuthoritiesOf): ImportedPolicy {
  const document = readPolicyText(source, text, invalidImport);
  const found = knownMembers(document, "the trust policy", ["version", "trustPolicies"] as const);
  const version = found.get("version");
  if (version?.text("version") !== "1.0") throw (version ?? document).fault('"version" is not "1.0"');
  const statements = found.get("trustPolicies")?.entries("trustPolicies") ?? [];
  if (statements.length === 0) throw document.fault('"trustPolicies" is missing or empty');
  const rules = new ImportedRules();
  for (const statement of statements) addStatement(rules, statement, authorities);
  return rules.finish();
}

function addStatement(rules: ImportedRules, statement: PolicyValue, authorities: AuthoritiesOf): void {
  const found = knownMembers(statement, "a trust policy", statementMembers);
  const name = found.get("name")?.text("name") ?? "";
  const scopes = textsOf(found, "registryScopes");
  if (scopes.length === 0) throw statement.fault("it has no registryScopes; policies for blobs are not imported");
  const { rule, why } = ruleOf(statement, found, authorities);
  for (const scope of scopes) {
    const notes = [
      `Notation's ${quoted(name)}.`,
      ...why,
      ...(rule.mode === "skip" && scope !== "*" ? ["This is about repositories below it as well."] : []),
      ...(rule.require === "reject" ? [pinHint(scope === "*" ? "IMAGE" : scope)] : []),
    ];
    if (scope === "*") rules.setDefault(rule, notes);
    else rules.add(scope, rule, notes);
  }
}

function textsOf(found: ReadonlyMap<StatementMember, PolicyValue>, name: StatementMember): readonly string[] {
  return (found.get(name)?.entries(name) ?? []).map((entry) => entry.text(`an entry of ${name}`));
}

interface Outcome {
  readonly rule: WrittenRule;
  readonly why: readonly string[];
}

function rejected(reason: string): Outcome {
  return { rule: rejecting, why: [reason] };
}

function ruleOf(
  statement: PolicyValue,
  found: ReadonlyMap<StatementMember, PolicyValue>,
  authorities: AuthoritiesOf,
): Outcome {
  const verification = found.get("signatureVerification");
  if (verification === undefined) throw statement.fault('"signatureVerification" is missing');
  const { level, enforces } = levelOf(verification);
  if (level === "skip") return { rule: skipping, why: [] };
  if (enforces("revocation"))
    return rejected("It asks whether certificates are revoked, which a rule of Tagseal cannot ask.");
  if (!enforces("authenticity"))
    return {
      rule: { firstUse: true },
      why: ["It asks for a signature by any signer: here the first root of a repository is trusted."],
    };
  const identities = textsOf(found, "trustedIdentities");
  if (!identities.includes("*"))
    return rejected(`It trusts single identities of an authority, which a rule cannot name: ${identities.join("; ")}.`);
  const { roots, missing } = rootsOf(statement, textsOf(found, "trustStores"), authorities);
  if (roots.length === 0) return rejected(`No certificate of its trust stores was found: ${missing.join(", ")}.`);
  return {
    rule: { roots },
    why: missing.length === 0 ? [] : [`These trust stores are not imported: ${missing.join(", ")}.`],
  };
}

interface Level {
  readonly level: (typeof levels)[number];
  readonly enforces: (check: (typeof checks)[number]) => boolean;
}

function levelOf(verification: PolicyValue): Level {
  const members = ["level", "override", "verifyTimestamp"] as const;
  const found = knownMembers(verification, "signatureVerification", members);
  const written = found.get("level");
  if (written === undefined) throw verification.fault('"level" is missing');
  const level = written.oneOf("level", levels);
  const override = found.get("override");
  const overrides = override === undefined ? new Map() : knownMembers(override, "override", checks);
  const chosen = new Map([...overrides].map(([check, value]) => [check, value.oneOf(check, actions)]));
  const usual = (check: (typeof checks)[number]): boolean =>
    level === "strict" || (level === "permissive" && check === "authenticity");
  return { level, enforces: (check) => (chosen.has(check) ? chosen.get(check) === "enforce" : usual(check)) };
}

function rootsOf(
  statement: PolicyValue,
  stores: readonly string[],
  authorities: AuthoritiesOf,
): { readonly roots: readonly string[]; readonly missing: readonly string[] } {
  const roots: string[] = [];
  const missing: string[] = [];
  for (const store of stores) {
    const [, kind, name = ""] = /^([A-Za-z]+):([\w.-]+)$/u.exec(store) ?? [];
    if (kind === undefined) throw statement.fault(`${quoted(store)} is not a trust store, such as ca:acme`);
    if (kind === "tsa") continue;
    const files = kind === "ca" ? authorities(name) : [];
    roots.push(...files.map((file) => `ca:${file}`));
    if (files.length === 0) missing.push(store);
  }
  return { roots: [...new Set(roots)], missing };
}
