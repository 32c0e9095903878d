/** Hands over a policy that was written for another program. */
import { formatReference } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import type { DecidedName } from "../open/decided-names.ts";
import type { PolicyOut } from "../options/policy-out-flags.ts";
import { deliverPolicy } from "./policy-delivery.ts";
import { jsonText } from "./write-json.ts";

/** A policy for another program. */
export interface ForeignPolicyFile {
  /** as the other program reads it */
  readonly policy: object;
  /** members of the report beside `file` and `policy` */
  readonly report: object;
  /** what the policy does, in words */
  readonly said: string;
}

/** Writes the policy. @throws UsageError `FILE_UNWRITABLE` */
export async function deliverForeignPolicy(
  io: Io,
  { policy, report, said }: ForeignPolicyFile,
  given: PolicyOut,
): Promise<void> {
  await deliverPolicy(io, { text: `${jsonText(policy, 2)}\n`, report: { ...report, policy }, said }, given);
}

/** What a report says of an image. */
export function imageReport({ reference, digest, verdict }: DecidedName): object {
  return { image: formatReference(reference), digest: digest ?? null, rule: verdict.rule ?? null };
}
