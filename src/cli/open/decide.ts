/** Asks the policies here about an image, for commands. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { needTrustData } from "../../policy/requirements.ts";
import { gunOf, type ImageReference } from "../../reference/image-reference.ts";
import type { DecidedImage, FindListing } from "../../trust/reading/decide-image.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
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
  const open = async (): Promise<TrustContext> =>
    await openTrust(io, requirements.reference, { ...settings, requirements, askAhead: true });
  const opening = needTrustData(requirements) ? open() : undefined;
  // The server is asked before the code that decides is loaded. A failure is thrown to that code.
  await opening?.then(
    async () => await nextTurn(),
    () => undefined,
  );
  const { decideImage } = await import("../../trust/reading/decide-image.ts");
  const decided = await decideImage(requirements, async () => await (opening ?? open()), listingHere(io, reference));
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
    const { withRegistry } = await import("./registry.ts");
    return await withRegistry(io, reference, "pull", async (registry) => await listedIn(registry, signed, wanted));
  };
}
