/**
 * `policy.json` for podman, skopeo, buildah and CRI-O, as far as that format goes: it accepts or rejects names, and checks no signature of ours. What
 * our policies want signed is rejected, except the digests that are signed now.
 *
 * @see containers-policy.json(5)
 */
import { gunOf, type ImageReference } from "../../reference/image-reference.ts";
import type { Digest } from "../../reference/digest.ts";
import type { Policy, Rule } from "../policy.ts";
import { scopeAround } from "../scope.ts";

/** A requirement of theirs. */
export interface ContainersRequirement {
  readonly type: "insecureAcceptAnything" | "reject";
}

type ByScope = Readonly<Record<string, readonly ContainersRequirement[]>>;

/** The policy, as those programs read it. */
export interface ContainersPolicy {
  readonly default: readonly ContainersRequirement[];
  readonly transports: Readonly<Record<string, ByScope>>;
}

/** Places other than registries that may be allowed, by the name of their transport. */
export const otherTransports = ["dir", "docker-archive", "docker-daemon", "oci", "oci-archive"] as const;

/** The name of such a place. */
export type OtherTransport = (typeof otherTransports)[number];

/** What is accepted beside what the policies ask nothing of. */
export interface Accepted {
  /** signed digests */
  readonly images: readonly { readonly reference: ImageReference; readonly digest: Digest }[];
  /** registries that decide themselves: gateways */
  readonly gateways: readonly string[];
  readonly transports: readonly OtherTransport[];
}

/** A policy of theirs, and what it could not say. */
export interface WrittenContainersPolicy {
  readonly policy: ContainersPolicy;
  /** scopes of rules that ask for something which their format cannot check; `default` for all other names */
  readonly rejected: readonly string[];
}

const accept: readonly ContainersRequirement[] = [{ type: "insecureAcceptAnything" }];
const reject: readonly ContainersRequirement[] = [{ type: "reject" }];

/** Writes a policy that accepts nothing that one of our policies would refuse. */
export function podmanPolicy(policies: readonly Policy[], accepted: Accepted): WrittenContainersPolicy {
  const scopes = [...new Set(policies.flatMap(({ rules }) => [...rules.keys()]))].toSorted();
  const decided = [undefined, ...scopes].map((scope) => ({
    scope,
    rules: policies.map((each) => ruleAt(each, scope)),
  }));
  const named = [
    ...decided.map(({ scope = "", rules }) => [scope, isOpen(rules) ? accept : reject] as const),
    ...accepted.gateways.map((host) => [host, accept] as const),
    ...accepted.images.map(({ reference, digest }) => [`${gunOf(reference)}@${digest}`, accept] as const),
  ];
  const others = accepted.transports.map((name) => [name, { "": accept }] as const);
  return {
    policy: {
      default: reject,
      transports: {
        docker: Object.fromEntries(named),
        // what is in their own storage was judged when it came
        "containers-storage": { "": accept },
        ...Object.fromEntries(others),
      },
    },
    rejected: decided.filter(({ rules }) => cannotBeWritten(rules)).map(({ scope = "default" }) => scope),
  };
}

/** The rule of a policy for the names in a scope that no smaller scope of it is about. */
function ruleAt({ rules, default: fallback }: Policy, scope: string | undefined): Rule {
  for (let around = scope; around !== undefined; around = scopeAround(around)) {
    const rule = rules.get(around);
    if (rule !== undefined) return rule;
  }
  return fallback;
}

/** Without a policy, content trust asks for a signature. */
function isOpen(rules: readonly Rule[]): boolean {
  return rules.length > 0 && rules.every(({ mode }) => mode !== "enforce");
}

function cannotBeWritten(rules: readonly Rule[]): boolean {
  return !isOpen(rules) && rules.every(({ mode, require }) => mode !== "enforce" || require !== "reject");
}
