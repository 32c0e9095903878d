/** Publishes a proposal that has all its signatures, as an ordinary upload that every trust server takes. */

import { hasCode, MetadataError, reworded, type TagsealError } from "../../errors.ts";
import type { RoleName, RootBody } from "../../tuf/metadata.ts";
import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import { makeSnapshot } from "../../tuf/server-signing.ts";
import type { RoleSigners } from "../../tuf/role-signers.ts";
import { targetsBytesOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { readBack } from "../publishing/read-back.ts";
import type { TrustContext } from "../trust-context.ts";
import { proposalBaseOf } from "./proposal-reading.ts";

/**
 * Publishes exactly the files of the proposal, with a snapshot when its key is here, and reads the result back.
 *
 * @throws MetadataError `PROPOSAL_OVERTAKEN` when another publication was faster
 * @throws NetworkError `TRUST_SERVER_REFUSED`, `PUBLISH_UNCONFIRMED`, and what a connection throws; KeyStoreError as `HeldKeys.signingKey`
 */
export async function publishSigned(
  context: TrustContext,
  collection: TrustedCollection,
  proposal: JudgedProposal,
): Promise<void> {
  const files = filesOf(proposal);
  const snapshot = await ownSnapshot(context, collection, proposal);
  const uploads = snapshot === undefined ? files : new Map([...files, ["snapshot", snapshot] as const]);
  try {
    await context.exclusively(async () => await context.repository.publish(uploads, targetsBytesOf(collection)));
  } catch (error) {
    if (hasCode(error, "PUBLISH_CONFLICT")) throw overtakenBy(context.gun, error);
    if (hasCode(error, "TRUST_SERVER_REFUSED") && /\bsnapshot\b/u.test(error.message)) throw withoutSnapshot(error);
    throw error;
  }
  await readBackProposal(context, proposal);
}

/** Reads back what was published, by this machine or by a server that keeps proposals. @throws as `readBack` */
export async function readBackProposal(context: TrustContext, proposal: JudgedProposal): Promise<TrustedCollection> {
  const isIn = (read: TrustedCollection): boolean => {
    const base = proposalBaseOf(read);
    return proposal.roles.every(({ role, file }) => base.versionOf(role) >= file.body.version);
  };
  // A server may say of a proposal without enough signatures that it is published: nothing in it is trusted for that.
  return await readBack(context, proposal.isComplete ? filesOf(proposal) : new Map(), { isIn });
}

/** True when this machine makes the snapshots of the collection: a server that has not its key cannot complete a proposal. */
export async function holdsSnapshotKey(
  context: TrustContext,
  collection: TrustedCollection,
  proposal: JudgedProposal,
): Promise<boolean> {
  const { roleKeys, keys } = snapshotSigners(collection, proposal);
  return await new HeldKeys(context).holdsOneOf(roleKeys, keys);
}

async function ownSnapshot(
  context: TrustContext,
  collection: TrustedCollection,
  proposal: JudgedProposal,
): Promise<Uint8Array | undefined> {
  if (!(await holdsSnapshotKey(context, collection, proposal))) return undefined;
  const held = new HeldKeys(context);
  const signers = snapshotSigners(collection, proposal);
  const find = async (keyId: string) => {
    const key = signers.keys.get(keyId);
    return key === undefined ? undefined : await held.signingKey(key);
  };
  const signing = { signers, keys: { find }, now: context.now() };
  return (await makeSnapshot(collection.snapshot, filesOf(proposal), signing)).bytes;
}

function filesOf({ files }: JudgedProposal): ReadonlyMap<RoleName, Uint8Array> {
  return new Map([...files].map(([role, { bytes }]) => [role, bytes]));
}

/** A proposed root counts: the snapshot is read under it. */
function snapshotSigners(collection: TrustedCollection, { files }: JudgedProposal): RoleSigners {
  const proposed = files.get("root")?.body;
  const root: RootBody = proposed?.type === "root" ? proposed : collection.root.body;
  return { roleKeys: root.roles.get("snapshot") ?? { keyIds: null, threshold: 1 }, keys: root.keys };
}

function overtakenBy(gun: string, cause: unknown): MetadataError {
  return new MetadataError("PROPOSAL_OVERTAKEN", `another publication overtook this proposal for ${gun}`, {
    cause,
    hint: "Propose the change again: it then builds on what is published now.",
  });
}

function withoutSnapshot(error: TagsealError): TagsealError {
  return reworded(error, {
    hint: "The owner of the repository holds the snapshot key: approve the proposal on that machine, which publishes it.",
  });
}
