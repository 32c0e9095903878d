/** What policies require of one image before anything is asked: where to look, which roots count, how old the answer may be. */
import { MetadataError } from "../errors.ts";
import { formatReference, gunOf, type ImageReference, parseImageReference } from "../reference/image-reference.ts";
import type { RootRequirement, TrustPinning } from "../tuf/pinning.ts";
import type { Policy, Rule } from "./policy.ts";
import { defaultScope, scopesOf, withoutTag } from "./scope.ts";

/** The rule of one policy that is about an image. */
export interface AppliedRule {
  readonly source: string;
  readonly rule: Rule;
}

/** What all policies together require. */
export interface Requirements {
  /** the image, as it was named */
  readonly reference: ImageReference;
  /** the name under which it is signed */
  readonly identity: ImageReference;
  /** one of each policy, in their order */
  readonly applied: readonly AppliedRule[];
  readonly server?: string;
  readonly pinning?: TrustPinning;
  readonly maxStalenessMs?: number;
}

/** The rule of a policy for a reference: that of the most specific scope. */
export function ruleFor(policy: Policy, reference: ImageReference): Rule {
  const scope = scopesOf(reference).find((candidate) => policy.rules.has(candidate));
  return (scope === undefined ? undefined : policy.rules.get(scope)) ?? policy.default;
}

/** Docker's own rule, for machines without a policy: a tag must be signed, its first root is trusted, and a digest alone is proof enough. */
const withoutPolicy: Policy = {
  source: "content trust",
  default: { scope: defaultScope, require: "signed", mode: "enforce", firstUse: true, digests: "any" },
  rules: new Map(),
};

/**
 * What policies require of a reference; without any, what docker's content trust does. Each of them must allow it, so that one cannot loosen another.
 *
 * @param policies the system's before the user's
 * @throws MetadataError `POLICY_REFUSED` when two name different servers or identities
 */
export function requirementsFor(policies: readonly Policy[], reference: ImageReference): Requirements {
  const deciding = policies.length === 0 ? [withoutPolicy] : policies;
  const applied = deciding.map((policy) => ({ source: policy.source, rule: ruleFor(policy, reference) }));
  const asking = applied.filter(({ rule }) => rule.require === "signed" && rule.mode !== "skip");
  const identities = asking.map((each) => ({
    source: each.source,
    value: formatReference(identityOf(each, reference)),
  }));
  const server = agreed(
    reference,
    "server",
    asking.map(({ source, rule }) => ({ source, value: rule.server })),
  );
  const ages = asking.flatMap(({ rule }) => rule.maxStalenessMs ?? []);
  const pinning = pinningOf(asking);
  const identity = agreed(reference, "identity", identities);
  return {
    reference,
    identity: identity === undefined ? reference : parseImageReference(identity),
    applied,
    ...(server === undefined ? {} : { server }),
    ...(pinning === undefined ? {} : { pinning }),
    ...(ages.length === 0 ? {} : { maxStalenessMs: Math.min(...ages) }),
  };
}

/** What distinguishes one reading of trust data from others: the repository, and the rules under which it is read. */
export function readingKey({ identity, applied }: Requirements): string {
  return JSON.stringify([gunOf(identity), applied.map(({ source, rule }) => [source, rule.scope])]);
}

/** True when trust data must be read to decide. */
export function needTrustData({ applied, reference }: Requirements): boolean {
  return applied.some(({ rule }) => asksForSignature(rule, reference));
}

/** True when a rule is only content with a signature. A digest alone may pass without one, as in docker. */
export function asksForSignature(rule: Rule, { tag, digest }: ImageReference): boolean {
  if (rule.require !== "signed" || rule.mode === "skip") return false;
  return tag !== undefined || digest === undefined || rule.digests === "signed";
}

function pinningOf(asking: readonly AppliedRule[]): TrustPinning | undefined {
  const roots = asking.flatMap(({ rule }) => rule.roots ?? []);
  const required: RootRequirement = { accepts: (key, now) => roots.every((root) => root.accepts(key, now)) };
  // the pins of one policy are not those of another: it still accepts only what this machine knows
  const disableTofu = asking.some(({ rule }) => rule.roots === undefined && !rule.firstUse);
  if (roots.length === 0 && !disableTofu) return undefined;
  return { ...(roots.length > 0 ? { required } : {}), ...(disableTofu ? { disableTofu } : {}) };
}

/** `mirror.example.com/hub/library/redis` with the identity `docker.io` for `mirror.example.com/hub` is `docker.io/library/redis`. */
function identityOf({ source, rule }: AppliedRule, reference: ImageReference): ImageReference {
  const { scope, identity } = rule;
  if (identity === undefined) return reference;
  const whole = gunOf(reference);
  const copied = withoutTag(scope);
  const rest =
    whole.startsWith(`${copied}/`) || whole === copied ? whole.slice(copied.length) : whole.slice(whole.indexOf("/"));
  if (rest === "" && !identity.includes("/"))
    throw new MetadataError(
      "POLICY_REFUSED",
      `the rule "${scope}" of ${source} gives ${whole} the identity ${identity}, which is a registry`,
      { hint: `Have a rule written for this repository alone, with its whole name in ${identity} as identity.` },
    );
  const { registry, repository } = parseImageReference(identity + rest);
  return { ...reference, registry, repository };
}

function agreed(
  reference: ImageReference,
  what: string,
  given: readonly { readonly source: string; readonly value: string | undefined }[],
): string | undefined {
  const named = given.filter(({ value }) => value !== undefined);
  const [first, ...others] = named;
  const other = others.find(({ value }) => value !== first?.value);
  if (first === undefined || other === undefined) return first?.value;
  throw new MetadataError(
    "POLICY_REFUSED",
    `the policies name different ${what === "server" ? "trust servers" : "identities"} for ${formatReference(reference)}: ${first.value} in ${first.source}, ${other.value} in ${other.source}`,
    { hint: `Name the same ${what} in both policies.` },
  );
}
