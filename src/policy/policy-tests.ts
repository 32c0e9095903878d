/** Unit tests of a policy, as data: images, how they are signed, and the verdict that is expected. */
import { MetadataError } from "../errors.ts";
import { type Digest, digestFromHex, isDigest } from "../reference/digest.ts";
import {
  formatReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../reference/image-reference.ts";
import { knownMembers, type PolicyValue, quoted, readPolicyText } from "./policy-document.ts";
import { parsePolicy, type PolicySource } from "./policy-parser.ts";
import { needTrustData, requirementsFor } from "./requirements.ts";
import { decide, type Finding, type Verdict } from "./verdict.ts";

/** How one case ended. */
export interface CaseResult {
  readonly image: string;
  readonly outcome: Verdict["outcome"];
  /** the scope of the rule that decided */
  readonly rule: string | null;
  readonly reason: string;
  /** what was expected instead; absent when the verdict is as expected */
  readonly failure?: string;
}

const outcomes = ["allowed", "refused"] as const;
/** For cases that do not name one. */
const someDigest = digestFromHex("sha256", "0".repeat(64));
const hourMs = 3_600_000;

/**
 * Runs every case of a file.
 *
 * @throws UsageError `POLICY_INVALID` for the file of cases, or the policy that it names
 */
export function runPolicyTests(text: string, from: PolicySource & { readonly now: Date }): readonly CaseResult[] {
  const document = readPolicyText(from.source, text);
  const found = knownMembers(document, "the file of cases", ["$schema", "policy", "cases"] as const);
  const [named, cases] = [found.get("policy"), found.get("cases")];
  if (named === undefined || cases === undefined) throw document.fault('it needs "policy" and "cases"');
  const path = named.text("policy");
  const policy = parsePolicy(from.read(path), { source: path, read: from.read });
  return cases.entries("cases").map((value) => {
    const given = parseCase(value, from.now);
    const requirements = requirementsFor([policy], given.reference);
    const verdict = decide(requirements, needTrustData(requirements) ? given.finding : undefined);
    return resultOf(given, verdict);
  });
}

/** One case of the file. */
interface Case {
  readonly reference: ImageReference;
  readonly expect: (typeof outcomes)[number];
  /** the scope of the rule that must decide */
  readonly rule: string | undefined;
  readonly finding: Finding;
}

function parseCase(value: PolicyValue, now: Date): Case {
  const found = knownMembers(value, "a case", ["image", "signed", "expect", "rule"] as const);
  const [image, expect] = [found.get("image"), found.get("expect")];
  if (image === undefined || expect === undefined) throw value.fault('a case needs "image" and "expect"');
  const reference = withDefaultTag(parseImageReference(image.text("image")));
  return {
    reference,
    expect: expect.oneOf("expect", outcomes),
    rule: found.get("rule")?.text("rule"),
    finding: findingOf(found.get("signed"), reference.digest, now),
  };
}

function findingOf(signed: PolicyValue | undefined, named: Digest | undefined, now: Date): Finding {
  if (signed === undefined)
    return { error: new MetadataError("TAG_NOT_SIGNED", "the case does not say that it is signed") };
  const found = knownMembers(signed, "signed", ["digest", "signers"] as const);
  const digest = found.get("digest")?.text("digest") ?? named ?? someDigest;
  if (!isDigest(digest)) throw signed.fault(`${quoted(digest)} is not a digest`);
  const signers = (found.get("signers")?.entries("signers") ?? []).map((entry) => entry.text("a signer"));
  if (named !== undefined && named !== digest)
    return { error: new MetadataError("TAG_DIGEST_MISMATCH", "the case says that it is signed for another digest") };
  return { digest, signers, signedAt: now, validUntil: new Date(now.getTime() + hourMs) };
}

function resultOf({ reference, expect, rule }: Case, verdict: Verdict): CaseResult {
  const failures = [
    ...(verdict.outcome === expect ? [] : [`expected ${expect}, it is ${verdict.outcome}: ${verdict.reason}`]),
    ...(rule === undefined || rule === verdict.rule
      ? []
      : [`expected the rule ${quoted(rule)}, ${quoted(verdict.rule ?? "")} decided`]),
  ];
  return {
    image: formatReference(reference),
    outcome: verdict.outcome,
    rule: verdict.rule ?? null,
    reason: verdict.reason,
    ...(failures.length === 0 ? {} : { failure: failures.join("; ") }),
  };
}
