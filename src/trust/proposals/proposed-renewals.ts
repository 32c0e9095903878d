/** New signatures for the same content as proposals: for roles that need several keys. */

import type { RoleName } from "../../tuf/metadata.ts";
import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { witnessing } from "../publishing/witness.ts";
import { Renewal } from "../renewal/renew.ts";
import type { TrustContext } from "../trust-context.ts";
import { makeProposal } from "./propose.ts";

/**
 * Proposes to sign everything again that has a key here, as `renewCollection`. The snapshot is not among it: it is made when all signatures are there.
 * Root certificates that end are replaced for the keys of colleagues, too.
 *
 * @returns undefined when no role that is to be renewed has a key here
 * @throws as `makeProposal`, and as `renewCollection`
 */
export async function proposeRenewal(context: TrustContext): Promise<JudgedProposal | undefined> {
  const held = new HeldKeys(context);
  return await makeProposal(context, held, new Renewal(context, held, { isProposal: true }));
}

/** Proposes to sign roles again, unchanged. @throws as `makeProposal`, and as `witnessRoles` */
export async function proposeWitness(
  context: TrustContext,
  roles: readonly RoleName[],
): Promise<JudgedProposal | undefined> {
  return await makeProposal(context, new HeldKeys(context), witnessing(context.gun, roles));
}
