/** The names that a command writes into a policy for another program, each decided by the policies here. */
import { reworded, TagsealError } from "../../errors.ts";
import type { Verdict } from "../../policy/verdict.ts";
import type { Digest } from "../../reference/digest.ts";
import { formatReference, type ImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import { allowedDigest } from "../../trust/reading/decide-image.ts";
import type { Io } from "../io.ts";
import { imageArgument } from "../options/image.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { decideHere } from "./decide.ts";

/** An image that is allowed. */
export interface DecidedName {
  readonly reference: ImageReference;
  /** undefined: the name is used as it is */
  readonly digest: Digest | undefined;
  readonly verdict: Verdict;
}

/** How names are decided. */
export interface NameSettings {
  /** `--max-staleness` */
  readonly maxStaleness: string | undefined;
}

/**
 * Decides about one name, and warns where nothing was verified.
 *
 * @throws TagsealError the reason of a refusal
 */
export async function decideName(io: Io, reference: ImageReference, settings: NameSettings): Promise<DecidedName> {
  const notify = tellTrustEvents(io, { quiet: true });
  const { verdict } = await decideHere(io, reference, { access: "read", notify, ...settings });
  const digest = allowedDigest(verdict);
  if (digest === undefined)
    notify({
      kind: "warning",
      gun: `${reference.registry}/${reference.repository}`,
      message: `${formatReference(reference)} may be fetched as the registry has it: ${verdict.reason}`,
    });
  return { reference, digest, verdict };
}

/** Decides about names as they were typed. @throws TagsealError the reason of the first refusal, with the name */
export async function decideNames(
  io: Io,
  names: readonly string[],
  settings: NameSettings,
): Promise<readonly DecidedName[]> {
  const decided: DecidedName[] = [];
  for (const name of names)
    decided.push(await decideName(io, withDefaultTag(imageArgument(name).reference), settings).catch(naming(name)));
  return decided;
}

function naming(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    throw reworded(error, { message: `${name}: ${error.message}` });
  };
}
