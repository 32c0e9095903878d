/** Asks the policies here about an image, for commands. */
import { gunOf, type ImageReference } from "../../reference/image-reference.ts";
import { type DecidedImage, decideImage, type FindListing } from "../../trust/reading/decide-image.ts";
import type { Io } from "../io.ts";
import { requirementsHere } from "./policies.ts";
import { withRegistry } from "./registry.ts";
import { openTrust, type TrustSettings } from "./trust.ts";

/**
 * Decides about an image, and reports what a rule in audit mode would have refused.
 *
 * @throws UsageError `POLICY_INVALID`; TagsealError `CANCELLED`; a refusal is in the verdict
 */
export async function decideHere(io: Io, reference: ImageReference, settings: TrustSettings): Promise<DecidedImage> {
  const requirements = await requirementsHere(io, reference);
  const decided = await decideImage(
    requirements,
    async () => await openTrust(io, requirements.reference, { ...settings, requirements }),
    listingHere(io, reference),
  );
  reportWarnings(decided, reference, settings);
  return decided;
}

/** Reports what a rule in audit mode would have refused. */
export function reportWarnings(
  { verdict }: DecidedImage,
  reference: ImageReference,
  { notify }: Pick<TrustSettings, "notify">,
): void {
  for (const message of verdict.warnings) notify({ kind: "warning", gun: gunOf(reference), message });
}

/** Asks the registry of an image which of its signed manifests lists another one. */
export function listingHere(io: Io, reference: ImageReference): FindListing {
  return async (signed, wanted) => {
    const { listedIn } = await import("../../registry/listed-in.ts");
    return await withRegistry(io, reference, "pull", async (registry) => await listedIn(registry, signed, wanted));
  };
}
