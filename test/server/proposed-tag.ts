/** A role that needs two of three keys, and tags proposed for it: what a server that keeps proposals gets. */

import type { PublicKey } from "../../src/crypto/public-key.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { serialiseProposal } from "../../src/tuf/notary-v1/proposal-json.ts";
import { type Proposal, proposalId, withSignatures } from "../../src/tuf/proposals/proposal.ts";
import { signaturesBy } from "../../src/tuf/role-signing.ts";
import { target } from "../support/editing-story.ts";
import type { HeldKeys } from "../support/held-keys.ts";
import type { UploadingPublisher } from "./uploading-publisher.ts";

/** The role whose threshold is two. */
export const sharedRole = "targets/releases";

/** Gives the collection the role, with three new keys. */
export async function shareReleases(publisher: UploadingPublisher): Promise<readonly PublicKey[]> {
  const keys = [publisher.held.generate(), publisher.held.generate(), publisher.held.generate()];
  const files = await publisher.signed((editor) => {
    editor.addDelegation(sharedRole, { addKeys: keys, addPaths: [""], threshold: 2 });
    editor.addTarget(sharedRole, "first", target("first"));
  });
  const response = await publisher.send(files);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return keys;
}

/** A proposal as it is sent. */
export interface SentProposal {
  readonly id: string;
  readonly body: string;
  readonly proposal: Proposal;
}

/** Proposes a tag with the keys that are held. */
export async function proposeTag(
  publisher: UploadingPublisher,
  tag: string,
  { held, now = new Date() }: { readonly held: HeldKeys; readonly now?: Date },
): Promise<SentProposal> {
  const editor = CollectionEditor.from(publisher.published.read());
  editor.addTarget(sharedRole, tag, target(tag));
  const signed = await editor.sign(held.signingKeys, { now, underSigned: true });
  const files = new Map([...signed].map(([role, bytes]) => [role, parseMetadata(role, bytes)]));
  const proposal = { gun: publisher.gun, expiresAt: new Date(now.getTime() + 86_400_000), files };
  return { id: proposalId(proposal), body: Buffer.from(serialiseProposal(proposal)).toString("utf8"), proposal };
}

/** Both at once, signed by one key of the three. */
export async function proposedTag(publisher: UploadingPublisher, tag: string): Promise<SentProposal> {
  const [, ...others] = await shareReleases(publisher);
  return await proposeTag(publisher, tag, { held: publisher.held.without(...others) });
}

/** The same proposal with further signatures, as it is sent. Signatures cover the version and the expiry, so it is not made twice. */
export async function proposalSignedBy(
  proposal: Proposal,
  held: HeldKeys,
  keys: readonly PublicKey[],
): Promise<string> {
  const files = new Map(proposal.files);
  for (const [role, file] of files) {
    const signatures = await signaturesBy(keys, file.signedBytes, held.signingKeys);
    files.set(role, withSignatures(file, [...file.signatures, ...signatures]));
  }
  return Buffer.from(serialiseProposal({ ...proposal, files })).toString("utf8");
}
