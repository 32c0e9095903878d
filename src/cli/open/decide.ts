/** Asks the policies here about an image, for commands. */
import type { ImageReference } from "../../reference/image-reference.ts";
import type { DecidedImage } from "../../trust/reading/decide-image.ts";
import type { Io } from "../io.ts";
import { requirementsHere } from "./policies.ts";
import { openTrust, type TrustSettings } from "./trust.ts";

/**
 * Decides about an image, and reports what a rule in audit mode would have refused.
 *
 * @throws UsageError `POLICY_INVALID`; TagsealError `CANCELLED`; a refusal is in the verdict
 */
export async function decideHere(io: Io, reference: ImageReference, settings: TrustSettings): Promise<DecidedImage> {
  const requirements = await requirementsHere(io, reference);
  const { decideImage } = await import("../../trust/reading/decide-image.ts");
  const decided = await decideImage(requirements, () =>
    openTrust(io, requirements.reference, { ...settings, requirements }),
  );
  for (const message of decided.verdict.warnings)
    settings.notify({ kind: "warning", gun: `${reference.registry}/${reference.repository}`, message });
  return decided;
}
