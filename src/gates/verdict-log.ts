/** One structured line for each verdict of a gate. */
import type { Verdict } from "../policy/verdict.ts";
import { formatReference, type ImageReference } from "../reference/image-reference.ts";
import type { LogFields, ServerLog } from "../service/log.ts";

/** Writes one line for each verdict. @param client fields that say who asked */
export function verdictLog(
  log: ServerLog,
  client: () => LogFields = () => ({}),
): (reference: ImageReference, verdict: Verdict) => void {
  return (reference, verdict) => {
    const { outcome, warnings } = verdict;
    log.write(outcome === "allowed" && warnings.length === 0 ? "info" : "warning", "verdict", {
      ...fieldsOf(reference, verdict),
      ...client(),
    });
  };
}

function fieldsOf(reference: ImageReference, verdict: Verdict): LogFields {
  const { outcome, rule, source: policy, reason, signers, signedAt, warnings } = verdict;
  return {
    image: formatReference(reference),
    outcome,
    digest: verdict.outcome === "allowed" ? verdict.digest : undefined,
    code: verdict.outcome === "refused" ? verdict.error.code : undefined,
    reason,
    rule,
    policy,
    signers: signers.length === 0 ? undefined : signers.join(","),
    signedAt: signedAt?.toISOString(),
    warnings: warnings.length === 0 ? undefined : warnings.join("; "),
  };
}
