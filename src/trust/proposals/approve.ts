/** Adds the signatures of this machine's keys to a proposal. */

import { KeyStoreError, UsageError } from "../../errors.ts";
import { type JudgedProposal, judgeProposal } from "../../tuf/proposals/judged-proposal.ts";
import type { Proposal } from "../../tuf/proposals/proposal.ts";
import { signProposal } from "../../tuf/proposals/proposal-signing.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { warnOfStagedChanges } from "../staged/staged-warning.ts";
import type { TrustContext } from "../trust-context.ts";
import { proposalBaseOf } from "./proposal-reading.ts";
import { type ProposalView, viewOf } from "./proposal-view.ts";

/** A proposal with the signatures of this machine. */
export interface ApprovedProposal {
  readonly proposal: JudgedProposal;
  /** after signing */
  readonly view: ProposalView;
  /** IDs of the private keys that signed just now; none when all keys here had signed before */
  readonly signedWith: readonly string[];
}

/**
 * Verifies a proposal against what is published, has its difference confirmed, and signs exactly that.
 *
 * @param confirm shows the proposal; false ends it
 * @throws MetadataError as `judgeProposal`
 * @throws KeyStoreError `SIGNING_KEY_MISSING` when no key here may sign it; `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws UsageError `CANCELLED` when it was not confirmed
 */
export async function signProposed(
  context: TrustContext,
  collection: TrustedCollection,
  proposal: Proposal,
  confirm: (view: ProposalView) => Promise<boolean>,
): Promise<ApprovedProposal> {
  const base = proposalBaseOf(collection);
  const judged = judgeProposal(proposal, base, context.now());
  const shown = await viewOf(context, collection, judged);
  requireKeyHere(shown);
  if (!(await confirm(shown))) throw declined(shown);
  const signed = judgeProposal(await signProposal(judged, new HeldKeys(context).signingKey), base, context.now());
  const view = await viewOf(context, collection, signed);
  await warnOfStagedChanges(context);
  const before = signersIn(shown);
  return { proposal: signed, view, signedWith: [...signersIn(view)].filter((keyId) => !before.has(keyId)) };
}

/** All that is missing may be the one who publishes; a second approval by the same key is harmless. */
function requireKeyHere({ gun, roles, isComplete }: ProposalView): void {
  const keys = roles.flatMap(({ signatures }) => signatures.flatMap(({ signed, missing }) => [...signed, ...missing]));
  if (isComplete || keys.some(({ here }) => here)) return;
  const missing = roles.flatMap(({ signatures }) => signatures.flatMap((state) => state.missing));
  const ids = [...new Set(missing.map(({ keyId }) => keyId))].join(", ");
  throw new KeyStoreError("SIGNING_KEY_MISSING", `no key that may sign this proposal for ${gun} is on this machine`, {
    hint: `One of these keys must be here: ${ids}.`,
  });
}

function signersIn({ roles }: ProposalView): ReadonlySet<string> {
  return new Set(
    roles.flatMap(({ signatures }) => signatures.flatMap(({ signed }) => signed.map(({ keyId }) => keyId))),
  );
}

function declined({ gun }: ProposalView): UsageError {
  return new UsageError("CANCELLED", `nothing was signed: the change of ${gun} was not confirmed`, {
    hint: "Answer y, or give --yes.",
  });
}
