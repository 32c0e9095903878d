/** The changes of the signing commands as proposals. */

import { type JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { Revocation } from "../publishing/revoke.ts";
import { requireSha256, TagSigning, type TagToSign } from "../publishing/sign.ts";
import type { TrustContext } from "../trust-context.ts";
import { makeProposal } from "./propose.ts";

/**
 * Proposes to sign tags, in the roles that have a key here.
 *
 * @returns undefined when they are signed like that already
 * @throws as `makeProposal`; UsageError `REFERENCE_INVALID` for a digest other than sha256
 */
export async function proposeTags(
  context: TrustContext,
  tags: readonly TagToSign[],
): Promise<JudgedProposal | undefined> {
  for (const { digest } of tags) requireSha256(digest);
  const held = new HeldKeys(context);
  return await makeProposal(context, held, new TagSigning(context, held, tags, "targets"));
}

/**
 * Proposes to remove signatures, in the roles that have a key here.
 *
 * @throws as `makeProposal`, and as `revokeTags`
 */
export async function proposeRevocation(
  context: TrustContext,
  tags: readonly string[] | "all",
): Promise<JudgedProposal | undefined> {
  const held = new HeldKeys(context);
  return await makeProposal(context, held, new Revocation(context, held, tags));
}
