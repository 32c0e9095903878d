/** Imports what the notary client trusts: the pins, first use and server of its `config.json`. @see Notary v1: trust pinning */
import { quoted } from "../policy-document.ts";
import { ImportedRules } from "./imported-rules.ts";
import { type ImportedPolicy, rejecting, type WrittenRule } from "./imported-policy.ts";

/** What was read from the file. */
export interface NotaryPins {
  /** by GUN, or by GUN prefix with a final `*`: IDs of root certificates */
  readonly certs: ReadonlyMap<string, readonly string[]>;
  /** by GUN prefix: absolute path of a file with authorities */
  readonly ca: ReadonlyMap<string, string>;
  readonly disableTofu: boolean;
  /** address of the trust server */
  readonly server: string | undefined;
  /** true when the file says how to connect to that server, which no rule does */
  readonly hasConnectionSettings: boolean;
}

/** Imports pins as rules. A certificate that is pinned for a prefix decides before every authority below that prefix, as in notary. */
export function importNotaryPins(read: NotaryPins): ImportedPolicy {
  const { certs, ca, disableTofu, server } = read;
  const rules = new ImportedRules();
  const isUsable = server === undefined || URL.parse(server)?.protocol === "https:";
  const at = server === undefined || !isUsable ? {} : { server };
  const rule = (pin: WrittenRule): WrittenRule => (isUsable && pin !== rejecting ? { ...at, ...pin } : rejecting);
  if (!isUsable)
    rules.note(`Everything is refused: a rule can only name a trust server with https, not ${quoted(server)}.`);
  if (read.hasConnectionSettings)
    rules.note("Certificates and keys for the trust server are not imported: put them below ~/.docker/tls/.");
  const pins = new Map<string, WrittenRule>([...certs].map(([name, ids]) => [name, certificatePin(ids)]));
  const prefixes = [...certs.keys()].filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  for (const [prefix, path] of ca) {
    const before = prefixes.find((other) => prefix.startsWith(other));
    if (before === undefined) pins.set(`${prefix}*`, { roots: [`ca:${path}`] });
    else rules.note(`The authority for ${quoted(prefix)} never counted in notary: ${quoted(`${before}*`)} decides.`);
  }
  rules.setDefault(rule(pins.get("*") ?? { firstUse: !disableTofu }), []);
  for (const [name, pin] of pins) if (name !== "*") addPrefix(rules, name, rule(pin));
  return rules.finish();
}

/** An empty list accepts nothing. */
function certificatePin(ids: readonly string[]): WrittenRule {
  return ids.length === 0 ? rejecting : { roots: ids.map((id) => `sha256:${id}`) };
}

/** A prefix that ends within a component also matches other names, which no scope says. */
function addPrefix(rules: ImportedRules, name: string, rule: WrittenRule): void {
  if (!name.endsWith("*")) rules.add(name, rule, []);
  else if (name.endsWith("/*")) rules.add(name.slice(0, -2), rule, []);
  else {
    const slash = name.lastIndexOf("/");
    const within = slash < 0 ? undefined : name.slice(0, slash);
    const why = "a scope ends with a whole name, so end it with /* or with the name of a repository";
    rules.addPart({ names: name, why, within, rule });
  }
}
