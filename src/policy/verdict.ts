/** The one decision: whether an image may be used, and as which digest. */
import { MetadataError, type TagsealError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { formatReference } from "../reference/image-reference.ts";
import type { Rule, SignerRequirement } from "./policy.ts";
import { countSigners } from "./signer-count.ts";
import { type AppliedRule, asksForSignature, type Requirements } from "./requirements.ts";

/** What was found signed. */
export interface SignedFinding {
  readonly digest: Digest;
  /** names of the signers of exactly this digest; empty when the repository key signed */
  readonly signers: readonly string[];
  /** IDs of the keys of signers, by name: names with a key in common count once; names without an entry have keys that no other has */
  readonly signerKeys?: ReadonlyMap<string, readonly string[]>;
  /** when the timestamp was signed, where that is known */
  readonly signedAt: Date | undefined;
  /** until when the trust data is valid, where that was asked */
  readonly validUntil: Date | undefined;
}

/** What reading trust data led to: something signed, or the reason why nothing counts. */
export type Finding = SignedFinding | { readonly error: TagsealError };

/** What a gate does with one image. */
export type Verdict = Allowed | Refused;

/** What every verdict says. */
export interface Decided {
  /** the rule that decided: the first that refuses, else the first that asked for something */
  readonly rule: string | undefined;
  /** the policy of that rule */
  readonly source: string | undefined;
  /** one sentence */
  readonly reason: string;
  readonly signers: readonly string[];
  readonly signedAt?: Date | undefined;
  readonly validUntil?: Date | undefined;
  /** what a rule in audit mode would have refused */
  readonly warnings: readonly string[];
}

/** The image may be used. */
export interface Allowed extends Decided {
  readonly outcome: "allowed";
  /** use exactly this; undefined when nothing was verified, and the name is used as it is */
  readonly digest: Digest | undefined;
}

/** The image must not be used. */
export interface Refused extends Decided {
  readonly outcome: "refused";
  /** with the stable code of the reason */
  readonly error: TagsealError;
}

/**
 * Decides about one image. A policy decides alone, whatever the others say: the image is allowed only if every enforced rule allows it.
 *
 * @param finding what was read under these requirements; undefined when {@link needTrustData} says that nothing is needed
 */
export function decide(requirements: Requirements, finding: Finding | undefined): Verdict {
  const { applied, reference } = requirements;
  const opinions = applied.map((each) => ({ each, rule: each.rule, error: refusalBy(each, requirements, finding) }));
  const known = facts(finding);
  const warnings = opinions.flatMap(({ rule, error }) =>
    error !== undefined && rule.mode === "audit" ? [auditWarning(rule, error)] : [],
  );
  const refusing = opinions.find(({ rule, error }) => error !== undefined && rule.mode === "enforce");
  if (refusing?.error !== undefined)
    return {
      ...known,
      ...nameOf(refusing.each),
      outcome: "refused",
      error: refusing.error,
      reason: refusing.error.message,
      warnings,
    };
  const deciding = opinions.find(({ rule }) => rule.mode !== "skip") ?? opinions[0];
  const digest = finding !== undefined && "digest" in finding ? finding.digest : reference.digest;
  return {
    ...known,
    ...nameOf(deciding?.each),
    outcome: "allowed",
    digest,
    reason: allowedBecause(deciding?.rule, finding),
    warnings,
  };
}

function nameOf(applied: AppliedRule | undefined): Pick<Decided, "rule" | "source"> {
  return { rule: applied?.rule.scope, source: applied?.source };
}

function facts(finding: Finding | undefined): Pick<Decided, "signers" | "signedAt" | "validUntil"> {
  if (finding === undefined || "error" in finding) return { signers: [] };
  const { signers, signedAt, validUntil } = finding;
  return { signers, signedAt, validUntil };
}

/** Why a rule refuses; undefined when it does not. */
function refusalBy(
  each: AppliedRule,
  { reference }: Requirements,
  finding: Finding | undefined,
): TagsealError | undefined {
  const { rule } = each;
  if (rule.mode === "skip") return undefined;
  const image = formatReference(reference);
  if (rule.require === "reject")
    return refusal(each, image, "it rejects this image", "Use another image, or have a rule written for this one.");
  if (rule.require === "digest")
    return reference.digest === undefined
      ? refusal(each, image, "it asks for a digest in the name", `Name the digest: ${image}@sha256:…`)
      : undefined;
  if (!asksForSignature(rule, reference)) return undefined;
  if (finding === undefined)
    return refusal(each, image, "no trust data was read", "This is a fault of the program that asked.");
  if ("error" in finding) return finding.error;
  return rule.signers === undefined ? undefined : signersMissing(each, image, rule.signers, finding);
}

function signersMissing(
  each: AppliedRule,
  image: string,
  { names, threshold }: SignerRequirement,
  { signers, signerKeys = new Map() }: SignedFinding,
): TagsealError | undefined {
  const counted = names.filter((name) => signers.includes(name));
  const count = countSigners(counted, signerKeys);
  if (count >= threshold) return undefined;
  const found = signers.length === 0 ? "only the repository key signed it" : `it is signed by ${signers.join(", ")}`;
  const why = `${threshold} of ${names.join(", ")} must have signed it, and ${found}`;
  if (counted.length >= threshold)
    return refusal(each, image, `${why}, but signers who share a key count once`, "Give each signer a separate key.");
  return refusal(each, image, why, "Ask them to sign this tag for the same digest.");
}

function refusal({ source, rule }: AppliedRule, image: string, why: string, hint: string): MetadataError {
  return new MetadataError("POLICY_REFUSED", `${image} is refused by the rule "${rule.scope}" of ${source}: ${why}`, {
    hint,
  });
}

function auditWarning({ scope }: Rule, error: TagsealError): string {
  return `the rule "${scope}" would refuse this (mode "audit"): ${error.message}`;
}

function allowedBecause(rule: Rule | undefined, finding: Finding | undefined): string {
  if (rule === undefined) return "there is no policy";
  if (rule.mode === "skip") return "the rule asks nothing";
  if (finding !== undefined && "digest" in finding) return signedReason(finding);
  if (rule.mode === "audit") return "the rule only warns";
  return rule.require === "digest" ? "its digest is named" : "its digest is named, and the rule accepts any";
}

function signedReason({ signers }: SignedFinding): string {
  return signers.length === 0 ? "it is signed by the repository key" : `it is signed by ${signers.join(", ")}`;
}
