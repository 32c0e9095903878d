/** Imports `policy.json` of podman, skopeo, buildah and CRI-O: requirements by scope. @see containers-policy.json(5) */
import {
  knownMembers,
  membersByName,
  type PolicyMember,
  type PolicyValue,
  quoted,
  readPolicyText,
} from "../policy-document.ts";
import { ImportedRules } from "./imported-rules.ts";
import {
  type ImportedPolicy,
  invalidImport,
  pinHint,
  rejecting,
  skipping,
  type WrittenRule,
} from "./imported-policy.ts";

/**
 * Imports a policy.
 *
 * @param source the path of the file, for messages
 * @throws UsageError `FOREIGN_POLICY_INVALID`, with line and column
 */
export function importContainersPolicy(source: string, text: string): ImportedPolicy {
  const document = readPolicyText(source, text, invalidImport);
  const found = knownMembers(document, "the policy", ["default", "transports"] as const);
  const fallback = found.get("default");
  if (fallback === undefined) throw document.fault('"default" is missing');
  const transports = found.get("transports")?.members("transports") ?? [];
  const docker = transports.find(({ name }) => name === "docker")?.value.members("transports.docker") ?? [];
  const rules = new ImportedRules();
  const everything = docker.find(({ name }) => name === "");
  const { rule, notes } = ruleOf(everything?.value ?? fallback, "IMAGE");
  rules.setDefault(rule, notes);
  for (const member of docker) if (member !== everything) addScope(rules, member);
  const others = transports.map(({ name }) => name).filter((name) => name !== "docker");
  if (others.length > 0)
    rules.note(
      `Rules for ${others.map(quoted).join(", ")} are not imported: Tagseal's policy is about images in registries.`,
    );
  return rules.finish();
}

function addScope(rules: ImportedRules, { name, value }: PolicyMember): void {
  const { rule, notes } = ruleOf(value, name);
  rules.add(name, rule, notes);
}

/** All requirements of a list count together. */
function ruleOf(value: PolicyValue, scope: string): { readonly rule: WrittenRule; readonly notes: readonly string[] } {
  const entries = value.entries("the requirements");
  if (entries.length === 0) throw value.fault("the list of requirements is empty");
  const kinds = entries.map((entry) => {
    const members = membersByName(entry, "a requirement");
    const type = members.get("type");
    if (type === undefined) throw entry.fault('the requirement has no "type"');
    return { type: type.text("type"), members };
  });
  if (kinds.some(({ type }) => type === "reject")) return { rule: rejecting, notes: [] };
  const signed = kinds.filter(({ type }) => type !== "insecureAcceptAnything");
  if (signed.length === 0) return { rule: skipping, notes: [] };
  const notes = signed.map(({ type, members }) => `It asks for ${wordsOf(type)}${identityOf(members)}.`);
  return { rule: rejecting, notes: [...new Set(notes), pinHint(scope)] };
}

function wordsOf(type: string): string {
  if (type === "signedBy") return "a signature made with GnuPG, which Tagseal does not read";
  if (type === "sigstoreSigned") return "a sigstore signature, which Tagseal does not read";
  return `${quoted(type)}, which Tagseal does not know`;
}

/** Under which name a copy is signed: ours is `identity`, which has no effect in a rule that refuses. */
function identityOf(members: ReadonlyMap<string, PolicyValue>): string {
  const signed = members.get("signedIdentity");
  const identity = signed === undefined ? new Map<string, PolicyValue>() : membersByName(signed, "signedIdentity");
  const name = ["signedPrefix", "dockerRepository", "dockerReference"].find((member) => identity.has(member));
  if (name === undefined) return "";
  return `, under another name; in Tagseal's rule that is "identity": ${quoted(identity.get(name)?.text(name) ?? "")}`;
}
