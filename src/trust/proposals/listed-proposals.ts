/** The proposals that a trust server keeps, each verified against what is published. */

import { MetadataError, UsageError } from "../../errors.ts";
import { judgeProposal } from "../../tuf/proposals/judged-proposal.ts";
import type { Proposal } from "../../tuf/proposals/proposal.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { ProposalPlace } from "../ports.ts";
import type { TrustContext } from "../trust-context.ts";
import { proposalBaseOf, readPublished } from "./proposal-reading.ts";
import { proposalsUnsupported } from "./proposals-unsupported.ts";
import { type ProposalView, viewOf } from "./proposal-view.ts";

/** A proposal, or why it cannot be signed. */
export type ListedProposal =
  | { readonly id: string; readonly view: ProposalView }
  | { readonly id: string; readonly problem: MetadataError };

/** As many digits of an ID as lists show are needed at least. */
const shortestPrefix = 7;

/**
 * Every proposal that the server keeps.
 *
 * @throws NetworkError `PROPOSALS_UNSUPPORTED`, and what a connection throws; MetadataError as `readPublished`
 */
export async function listProposals(context: TrustContext): Promise<readonly ListedProposal[]> {
  const place = proposalPlace(context);
  const collection = await readPublished(context);
  const listed: ListedProposal[] = [];
  for (const id of await place.list()) listed.push(await listedOne(context, collection, id, place));
  return listed;
}

/** One that was read from elsewhere. @throws MetadataError as `judgeProposal` and `readPublished` */
export async function viewProposal(context: TrustContext, proposal: Proposal): Promise<ProposalView> {
  const collection = await readPublished(context);
  const judged = judgeProposal(proposal, proposalBaseOf(collection), context.now());
  return await viewOf(context, collection, judged);
}

/**
 * The ID that a user means.
 *
 * @param text the ID or its beginning
 * @throws UsageError `USAGE` for what fits none or several
 */
export async function findProposalId(context: TrustContext, text: string): Promise<string> {
  const { gun } = context;
  const hint = `See the IDs: tagseal trust proposals ${gun}`;
  const prefix = text.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/u.test(prefix) || prefix.length < shortestPrefix)
    throw new UsageError(
      "USAGE",
      `"${text}" is not the ID of a proposal: expected 64 hexadecimal digits, or the first ${shortestPrefix}`,
      { hint },
    );
  const found = (await proposalPlace(context).list()).filter((id) => id.startsWith(prefix));
  const [id, ...others] = found;
  if (others.length > 0) throw new UsageError("USAGE", `${text} fits ${found.length} proposals`, { hint });
  if (id !== undefined) return id;
  throw new MetadataError("PROPOSAL_NOT_FOUND", `there is no proposal ${text} for ${gun}`, {
    hint: `List what is open: tagseal trust proposals ${gun}`,
  });
}

/** Where the server of this context keeps proposals. @throws NetworkError `PROPOSALS_UNSUPPORTED` for one that cannot */
export function proposalPlace({ repository, gun }: TrustContext): ProposalPlace {
  if (repository.proposals !== undefined) return repository.proposals;
  throw proposalsUnsupported(repository.name, gun);
}

async function listedOne(
  context: TrustContext,
  collection: TrustedCollection,
  id: string,
  place: ProposalPlace,
): Promise<ListedProposal> {
  try {
    const judged = judgeProposal(await place.find(id), proposalBaseOf(collection), context.now());
    return { id, view: await viewOf(context, collection, judged) };
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return { id, problem: error };
  }
}
