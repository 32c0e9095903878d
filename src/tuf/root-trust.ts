/** Whether a root may be trusted: its certificates, the root before it, what the user pinned, and its own signatures. */

import { checkLeafCertificate } from "../crypto/certificate.ts";
import { MetadataError, hasCode } from "../errors.ts";
import { clockSays, isDue, isExpired, type ClockOwner } from "./expiry.ts";
import type { RoleKeys, RootFile } from "./metadata.ts";
import { pinningFor } from "./pinning.ts";
import type { TrustPinning } from "./pinning.ts";
import { verifyThreshold } from "./threshold.ts";

/** The collection and the clock by which its root is judged, and what the user pinned. */
export interface RootExpectation {
  readonly gun: string;
  readonly now: Date;
  /** whose clock that is, for messages; `this machine` when absent */
  readonly clockOf?: ClockOwner | undefined;
  readonly pinning?: TrustPinning | undefined;
}

/** What a root is verified against. */
export interface RootJudgement extends RootExpectation {
  /** the root trusted until now, whose keys must have signed this one too */
  readonly previous?: RootFile | undefined;
  /** for roots that are only steps on the way to a newer one: their certificates may have expired since */
  readonly ignoreCertificateExpiry?: boolean;
}

/** What the verification of a root found. */
export interface RootVerdict {
  /** TUF IDs of the root keys that signed and were accepted */
  readonly signers: readonly string[];
  /** the root is trusted on first use only */
  readonly isFirstUse: boolean;
  /** sentences about certificates that expire soon */
  readonly warnings: readonly string[];
}

/**
 * Verifies a root, in the reference's order: leaf certificates, the previous root's keys at its threshold, pinning, the root's own keys
 * at its own threshold. The caller checks version and expiry.
 *
 * @throws MetadataError `ROOT_INVALID`, `ROOT_ROTATION_REFUSED`, `ROOT_PINNING_MISMATCH`, `METADATA_KEY_ID_MISMATCH`
 * @see Notary v1: root update; root certificates
 */
export function verifyRoot(file: RootFile, judgement: RootJudgement): RootVerdict {
  const { keyIds, warnings } = leafKeyIds(file, judgement);
  if (judgement.previous !== undefined) verifySuccession(file, judgement.previous, judgement);
  const verdict = pinningFor(judgement.gun, judgement.now, judgement.pinning ?? {}, judgement.previous !== undefined);
  const pinned = keyIds.filter((id) => {
    const key = file.body.keys.get(id);
    return key !== undefined && verdict.accepts(key);
  });
  if (pinned.length === 0) {
    throw new MetadataError(
      "ROOT_PINNING_MISMATCH",
      `${pathFailure}: unable to match any certificates to trust_pinning config`,
      {
        hint: `The root of ${judgement.gun} has the certificates ${keyIds.join(", ")}; none of them is pinned.`,
      },
    );
  }
  return { signers: verifyIntegrity(file, pinned), isFirstUse: verdict.isFirstUse, warnings };
}

/** True when readers refuse a root that was valid once: it has expired, or its certificates have. */
export function hasRootExpired(file: RootFile, expectation: RootExpectation): boolean {
  if (isExpired(file.body, expectation.now)) return true;
  try {
    verifyRoot(file, expectation);
    return false;
  } catch (error) {
    if (hasCode(error, "ROOT_INVALID")) return true;
    throw error;
  }
}

const pathFailure = "could not validate the path to a trusted root";

function rootRole(file: RootFile): RoleKeys {
  return file.body.roles.get("root") ?? { keyIds: [], threshold: 1 };
}

/** The root keys whose certificates are valid for this GUN. The others are ignored and do not affect the rest. */
function leafKeyIds(file: RootFile, judgement: RootJudgement): { keyIds: string[]; warnings: string[] } {
  const keyIds: string[] = [];
  const warnings: string[] = [];
  const reasons: string[] = [];
  let areAllUntimely = true;
  const options = { ignoreExpiry: judgement.ignoreCertificateExpiry ?? false };
  for (const id of new Set(rootRole(file).keyIds)) {
    const key = file.body.keys.get(id);
    if (key === undefined) continue;
    const result = checkLeafCertificate(key, judgement.gun, judgement.now, options);
    if (result.ok) {
      keyIds.push(id);
      if (!options.ignoreExpiry && isDue(result.leaf.notAfter, judgement.now))
        warnings.push(`certificate with CN ${result.leaf.subjectCommonName} is near expiry`);
    } else {
      reasons.push(result.reason);
      areAllUntimely &&= result.isUntimely;
    }
  }
  if (keyIds.length > 0) return { keyIds, warnings };
  throw noLeaf(reasons, reasons.length > 0 && areAllUntimely, judgement);
}

/** If only the time is wrong, the clock may be wrong, so the hint names it: a publisher cannot see the server's clock, and a reader rarely checks theirs. */
function noLeaf(reasons: readonly string[], isUntimely: boolean, { now, clockOf }: RootJudgement): MetadataError {
  const why = reasons.join("; ");
  if (isUntimely && clockOf === "this server")
    return new MetadataError("ROOT_INVALID", `${pathFailure}: ${clockSays(clockOf, now)}, but ${why}`, {
      hint: "Check the server's clock.",
    });
  const clock = isUntimely ? ` Check the clock: ${clockSays("this machine", now)}.` : "";
  return new MetadataError("ROOT_INVALID", `${pathFailure}: unable to retrieve valid leaf certificates`, {
    hint: reasons.length === 0 ? "The root role has no key." : `The reason: ${why}.${clock}`,
  });
}

/** The previous root's certificates may have expired since: their keys hand over, and they were trusted when they were current. */
function verifySuccession(file: RootFile, previous: RootFile, judgement: RootJudgement): void {
  const { keyIds, threshold } = rootRole(previous);
  const usable = (keyIds ?? []).filter((id) => {
    const key = previous.body.keys.get(id);
    return key !== undefined && checkLeafCertificate(key, judgement.gun, judgement.now, { ignoreExpiry: true }).ok;
  });
  try {
    verifyThreshold(file, { keyIds: usable, threshold }, previous.body.keys);
  } catch (cause) {
    if (!hasCode(cause, "METADATA_THRESHOLD_NOT_MET")) throw cause;
    const reason =
      "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates";
    throw new MetadataError("ROOT_ROTATION_REFUSED", reason, {
      cause,
      hint: `Version ${file.body.version} of the root is not signed by the keys of version ${previous.body.version}. Unless its owner tells you why, treat it as an attack.`,
    });
  }
}

function verifyIntegrity(file: RootFile, keyIds: readonly string[]): string[] {
  try {
    return verifyThreshold(file, { keyIds, threshold: rootRole(file).threshold }, file.body.keys);
  } catch (cause) {
    if (!hasCode(cause, "METADATA_THRESHOLD_NOT_MET")) throw cause;
    throw new MetadataError("ROOT_INVALID", `${pathFailure}: failed to validate integrity of roots`, { cause });
  }
}
