/** A signed proposal goes to the trust server, which publishes it when it is complete. */

import { hasCode } from "../../errors.ts";
import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { SubmittedState } from "../ports.ts";
import type { TrustContext } from "../trust-context.ts";
import { proposalPlace } from "./listed-proposals.ts";
import { holdsSnapshotKey, publishSigned, readBackProposal } from "./publish-signed.ts";

/**
 * Sends a proposal with the signatures it has. The machine with the snapshot key of the repository, if it is not the server, publishes a complete one itself.
 *
 * @returns `complete` when all signatures are there and only the holder of the snapshot key can publish
 * @throws MetadataError `PROPOSAL_OVERTAKEN`; NetworkError `PROPOSALS_UNSUPPORTED`, and as `publishSigned`
 */
export async function handIn(
  context: TrustContext,
  collection: TrustedCollection,
  proposal: JudgedProposal,
): Promise<SubmittedState> {
  const place = proposalPlace(context);
  if (proposal.isComplete && (await holdsSnapshotKey(context, collection, proposal))) {
    await publishSigned(context, collection, proposal);
    await withdrawn(place.withdraw(proposal.id));
    return "published";
  }
  const state = await place.submit(proposal);
  if (state === "published") await readBackProposal(context, proposal);
  return state;
}

/** It need not be there, and is of no use any more: a server forgets it sooner or later. */
async function withdrawn(withdrawal: Promise<void>): Promise<void> {
  try {
    await withdrawal;
  } catch (error) {
    if (!hasCode(error, "PROPOSAL_NOT_FOUND", "PROPOSALS_UNSUPPORTED")) throw error;
  }
}
