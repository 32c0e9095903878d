/** Adds signatures to a proposal. */

import { rememberingKeys, signaturesBy, type SigningKeys } from "../role-signing.ts";
import type { JudgedProposal } from "./judged-proposal.ts";
import { type Proposal, withSignatures } from "./proposal.ts";

/**
 * Signs exactly the bytes that were judged, with every key at hand that may sign and has not. Judge the result: a key store that gives a wrong key shows
 * there.
 *
 * @returns the proposal, unchanged when there is no such key
 * @throws what `keys` throws
 */
export async function signProposal(proposal: JudgedProposal, keys: SigningKeys): Promise<Proposal> {
  const remembering = rememberingKeys(keys);
  const files = new Map(proposal.files);
  for (const { role, file, states } of proposal.roles) {
    const signed = new Set(file.signatures.map(({ keyId }) => keyId));
    const candidates = states.flatMap(({ unsigned }) => unsigned).filter(({ keyId }) => !signed.has(keyId));
    const added = await signaturesBy(candidates, file.signedBytes, remembering);
    files.set(role, withSignatures(file, [...file.signatures, ...added]));
  }
  const { gun, expiresAt } = proposal;
  return { gun, expiresAt, files };
}
