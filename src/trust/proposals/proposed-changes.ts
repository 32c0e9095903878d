/** The changes of the signing commands as proposals; those of signers and delegations are in `proposed-delegations.ts`. */

import type { PublicKey } from "../../crypto/public-key.ts";
import { type JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { UsageError } from "../../errors.ts";
import type { RoleName, Target } from "../../tuf/metadata.ts";
import { type PlacedTarget, targetAddition, TargetRemoval } from "../publishing/change-targets.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { Revocation } from "../publishing/revoke.ts";
import { requireSha256, TagSigning, type TagToSign } from "../publishing/sign.ts";
import { BaseRoleRotation } from "../rotation/base-role-rotation.ts";
import { NewKeys } from "../rotation/new-keys.ts";
import { checkRotation, type RotateOptions } from "../rotation/rotate.ts";
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

/**
 * Proposes to sign a target in each of the roles.
 *
 * @returns undefined when they have it already
 * @throws as `makeProposal`, and as `addTarget`
 */
export async function proposeTarget(
  context: TrustContext,
  placed: PlacedTarget,
  target: Target,
): Promise<JudgedProposal | undefined> {
  return await makeProposal(context, new HeldKeys(context), targetAddition(placed, target));
}

/** Proposes to remove a target from each of the roles. @throws as `makeProposal`, and as `removeTarget` */
export async function proposeTargetRemoval(
  context: TrustContext,
  placed: PlacedTarget,
): Promise<JudgedProposal | undefined> {
  return await makeProposal(context, new HeldKeys(context), new TargetRemoval(context, placed));
}

/**
 * Proposes other keys, or another threshold, for root or targets. A new key stays on this machine, and is the same one when the rotation is proposed again.
 *
 * @returns undefined when the role has the keys already
 * @throws UsageError `USAGE` for another role, and as `rotateKey`; as `makeProposal`
 */
export async function proposeRotation(
  context: TrustContext,
  role: RoleName,
  options: Omit<RotateOptions, "holder" | "force" | "removeOld">,
): Promise<JudgedProposal | undefined> {
  checkRotation(role, options);
  if (role !== "root" && role !== "targets")
    throw new UsageError("USAGE", `the keys of ${role} are not changed by a proposal`, {
      hint: "Propose changes of root and targets; the keys of delegations are changed by those who sign the role above.",
    });
  const held = new HeldKeys(context);
  const newKeys = new NewKeys(context.keys, async (use) => await held.make(use), options);
  const { replace, threshold } = options;
  const rotation = new BaseRoleRotation(role, "publisher", {
    context,
    held,
    newKeys,
    replace,
    threshold,
    isProposal: true,
  });
  try {
    const proposal = await makeProposal(context, held, rotation);
    held.keepMade();
    return proposal;
  } catch (error) {
    await held.discardMade("the change was not proposed");
    await newKeys.giveUp();
    throw error;
  }
}

/**
 * Proposes to add a spare root key, as `addSpareRootKey`.
 *
 * @returns undefined when root has this key already
 * @throws as {@link proposeRotation}
 */
export async function proposeSpareRootKey(
  context: TrustContext,
  spare: PublicKey,
): Promise<JudgedProposal | undefined> {
  return await proposeRotation(context, "root", { keys: async () => await Promise.resolve([spare]), replace: [] });
}
