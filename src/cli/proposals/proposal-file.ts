/** Proposals in files, which people carry between machines. */
import { maxProposalBytes, parseProposal, serialiseProposal } from "../../tuf/notary-v1/proposal-json.ts";
import type { Proposal } from "../../tuf/proposals/proposal.ts";
import { placeFile, readGivenFile } from "../open/backup-file.ts";

/** Reads a proposal. @throws UsageError `FILE_UNREADABLE`; EncodingError `TOO_LARGE`; MetadataError `PROPOSAL_MALFORMED` */
export async function readProposal(path: string): Promise<Proposal> {
  return parseProposal(await readGivenFile(path, maxProposalBytes));
}

/** Writes a proposal to a new file. @throws UsageError `FILE_UNWRITABLE` */
export async function writeProposal(path: string, proposal: Proposal): Promise<void> {
  await placeFile(path, serialiseProposal(proposal), { force: false });
}
