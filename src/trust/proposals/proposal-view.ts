/** A proposal as people look at it: what it would change, who has signed, who is missing. */

import type { PublicKey } from "../../crypto/public-key.ts";
import { listDelegations } from "../../tuf/lookup.ts";
import type { JudgedProposal, SigningState } from "../../tuf/proposals/judged-proposal.ts";
import { differenceOf, type RoleDifference } from "../../tuf/proposals/proposal-difference.ts";
import { isDirectChild } from "../../tuf/role-name.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { releasesRole, signerName } from "../reading/released-tags.ts";
import type { TrustContext } from "../trust-context.ts";
import { proposalBaseOf } from "./proposal-reading.ts";
import { proposalWarnings } from "./proposal-warnings.ts";

/** A key that has signed, or could. */
export interface ProposalKey {
  /** the ID of the bare key: the name of its file */
  readonly keyId: string;
  /** the signers that have this key */
  readonly signers: readonly string[];
  /** the private key is on this machine */
  readonly here: boolean;
}

/** The signatures for one threshold. */
export interface ProposalSignatures {
  readonly threshold: number;
  readonly signed: readonly ProposalKey[];
  readonly missing: readonly ProposalKey[];
}

/** One role of a proposal. */
export interface ProposedRole {
  readonly difference: RoleDifference;
  /** one threshold; two for a root whose keys change: its own, then that of the root before it */
  readonly signatures: readonly ProposalSignatures[];
  readonly isComplete: boolean;
}

/** A verified proposal. */
export interface ProposalView {
  readonly id: string;
  readonly gun: string;
  readonly expiresAt: Date;
  readonly roles: readonly ProposedRole[];
  /** every threshold is met */
  readonly isComplete: boolean;
  /** what a direct publication of the change warns of, one sentence each */
  readonly warnings: readonly string[];
}

/** Shows a judged proposal beside what is published. @throws as `proposalWarnings` */
export async function viewOf(
  context: TrustContext,
  collection: TrustedCollection,
  proposal: JudgedProposal,
): Promise<ProposalView> {
  const held = new HeldKeys(context);
  const base = proposalBaseOf(collection);
  const names = signerNames(collection);
  const keyView = async (key: PublicKey): Promise<ProposalKey> => {
    const keyId = key.bareKeyId ?? key.keyId;
    return { keyId, signers: names.get(keyId) ?? [], here: await held.holds(key) };
  };
  const signaturesOf = async ({ threshold, signed, unsigned }: SigningState): Promise<ProposalSignatures> => ({
    threshold,
    signed: await Promise.all(signed.map(keyView)),
    missing: await Promise.all(unsigned.map(keyView)),
  });
  const roles = proposal.roles.map(async ({ role, file, states, isComplete }) => ({
    difference: differenceOf(base.file(role), file),
    signatures: await Promise.all(states.map(signaturesOf)),
    isComplete,
  }));
  const { id, gun, expiresAt, isComplete } = proposal;
  const warnings = await proposalWarnings(context, collection, proposal);
  return { id, gun, expiresAt, roles: await Promise.all(roles), isComplete, warnings };
}

/** Which signers have a key, by the ID of the bare key. */
function signerNames(collection: TrustedCollection): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { role, canonicalKeyIds } of listDelegations(collection)) {
    if (!isDirectChild("targets", role.name) || role.name === releasesRole) continue;
    for (const keyId of canonicalKeyIds) names.set(keyId, [...(names.get(keyId) ?? []), signerName(role.name)]);
  }
  return names;
}
