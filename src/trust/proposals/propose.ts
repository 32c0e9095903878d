/** Makes a proposal of a change that the keys of this machine cannot publish alone. */

import { MetadataError } from "../../errors.ts";
import { CollectionEditor } from "../../tuf/editor.ts";
import type { RootFile } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isRootFile, type JudgedProposal, judgeProposal } from "../../tuf/proposals/judged-proposal.ts";
import { proposalLifetimeMs } from "../../tuf/proposals/proposal.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import type { CollectionChange } from "../publishing/publish.ts";
import { certificateEndings } from "../renewal/endings.ts";
import { warnOfStagedChanges } from "../staged/staged-warning.ts";
import type { TrustContext } from "../trust-context.ts";
import { proposalBaseOf, readPublished } from "./proposal-reading.ts";

/**
 * Applies a change to what is published and signs it with the keys that are here, one of each role at least. Nothing is sent.
 *
 * @returns undefined when the collection has the change already
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `METADATA_EXPIRED` where root certificates have to be renewed first; what an update can refuse; what
 *   `change` throws
 * @throws KeyStoreError `SIGNING_KEY_MISSING` for a role none of whose keys is here; `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 */
export async function makeProposal(
  context: TrustContext,
  held: HeldKeys,
  change: CollectionChange,
): Promise<JudgedProposal | undefined> {
  const { gun, notify } = context;
  const current = await readPublished(context, change);
  const editor = CollectionEditor.from((await change.prepare?.(current)) ?? current);
  if (!(await change.apply(editor, current))) return undefined;
  const now = context.now();
  const signed = await editor.sign(held.signingKey, {
    now,
    underSigned: true,
    onWarning: (message) => notify({ kind: "warning", gun, message }),
  });
  const files = new Map([...signed].map(([role, bytes]) => [role, parseMetadata(role, bytes)]));
  const expiresAt = new Date(now.getTime() + proposalLifetimeMs);
  const proposal = judgeProposal({ gun, expiresAt, files }, proposalBaseOf(current), now);
  requireUsableRoot([...files.values()].find(isRootFile) ?? current.root, gun, now);
  await warnOfStagedChanges(context);
  return proposal;
}

/** A publication replaces expired certificates on the way; a proposal does so only as a renewal, so that its difference shows nothing unexpected. */
function requireUsableRoot(root: RootFile, gun: string, now: Date): void {
  const signers = baseRoleSigners(root, "root");
  const ended = certificateEndings(signers).filter(({ expiresAt }) => expiresAt < now);
  if (keysOf(signers).length - ended.length >= signers.roleKeys.threshold) return;
  const message = `root certificates of ${gun} have expired: readers would refuse what is proposed`;
  throw new MetadataError("METADATA_EXPIRED", message, {
    hint: `Propose their renewal first: tagseal trust renew --propose ${gun}`,
  });
}
