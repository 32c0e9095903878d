/** Changes of signers and delegations as proposals: where the role that declares them needs several keys. */

import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { requireDelegation } from "../delegations/declared-delegations.ts";
import { DelegationAddition, type NewDelegation } from "../delegations/delegation-addition.ts";
import { type ConfirmRemoval, DelegationRemoval, type DelegationToRemove } from "../delegations/delegation-removal.ts";
import { KeyPurge } from "../delegations/key-purge.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type NewSigner, SignerAddition } from "../signers/signer-addition.ts";
import { SignerRemoval } from "../signers/signer-removal.ts";
import type { TrustContext } from "../trust-context.ts";
import { makeProposal } from "./propose.ts";

/**
 * Proposes to let a signer sign tags. If the server still has what a removed signer of this name signed with the same key, there is a warning.
 *
 * @returns undefined when the signer has the keys already
 * @throws as `makeProposal`
 */
export async function proposeSigner(
  context: TrustContext,
  { name, keys }: Pick<NewSigner, "name" | "keys">,
): Promise<JudgedProposal | undefined> {
  const held = new HeldKeys(context);
  return await makeProposal(context, held, new SignerAddition(context, held, { name, keys, isProposal: true }));
}

/** A question that is answered with yes, or throws: then nothing is proposed. */
export type RequiredAnswer<Given extends readonly unknown[] = []> = (...given: Given) => Promise<true>;

/**
 * Proposes to remove a signer.
 *
 * @param confirmLastSigner called when this signer alone keeps the released tags valid; throws to propose nothing
 * @throws as `makeProposal`; MetadataError `SIGNER_UNKNOWN`; UsageError `SIGNER_NAME_INVALID` for `releases`
 */
export async function proposeSignerRemoval(
  context: TrustContext,
  name: string,
  confirmLastSigner: RequiredAnswer,
): Promise<JudgedProposal | undefined> {
  const removal = new SignerRemoval(context, name, confirmLastSigner);
  return await makeProposal(context, new HeldKeys(context), removal);
}

/**
 * Proposes to declare a delegation, or to add keys and paths to one and set its threshold.
 *
 * @returns undefined when it is declared like that already
 * @throws as `makeProposal`, and as `addToDelegation`
 */
export async function proposeDelegation(
  context: TrustContext,
  wanted: NewDelegation,
): Promise<JudgedProposal | undefined> {
  requireDelegation(wanted.role);
  return await makeProposal(context, new HeldKeys(context), new DelegationAddition(wanted));
}

/** Proposes to remove a delegation, or keys and paths from one. @throws as `makeProposal`, and as `removeFromDelegation` */
export async function proposeDelegationRemoval(
  context: TrustContext,
  unwanted: DelegationToRemove,
  confirm: RequiredAnswer<Parameters<ConfirmRemoval>>,
): Promise<JudgedProposal | undefined> {
  requireDelegation(unwanted.role);
  return await makeProposal(context, new HeldKeys(context), new DelegationRemoval(unwanted, confirm));
}

/** Proposes to remove keys from every delegation whose parent has a key here. @throws as `makeProposal`, and as `purgeDelegationKeys` */
export async function proposeKeyPurge(
  context: TrustContext,
  keyIds: readonly string[],
  confirm: RequiredAnswer<Parameters<ConfirmRemoval>>,
): Promise<JudgedProposal | undefined> {
  const held = new HeldKeys(context);
  return await makeProposal(context, held, new KeyPurge(held, keyIds, confirm, { isProposal: true }));
}
