/** Makes the root that follows the cached one, for a server that lost the keys that the newest root names. */

import { hasCode, MetadataError } from "../../errors.ts";
import type { VerifiedCollection } from "../../tuf/collection-verification.ts";
import { CollectionEditor } from "../../tuf/editor.ts";
import type { RootFile } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { validatedFile } from "../../tuf/validated-file.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * Signs a root that names the server's current keys: for the timestamp, and for the snapshot unless its key is here.
 *
 * @returns the cached collection with that root, and the other files that had to be signed
 * @throws MetadataError `SIGNING_KEY_MISSING` without the root key; KeyStoreError for its passphrase
 * @throws NetworkError as `TrustRepository.rotateKey`: needs the rights to rotate keys
 */
export async function handOverRemembered(
  context: TrustContext,
  remembered: VerifiedCollection,
): Promise<VerifiedCollection> {
  const held = new HeldKeys(context);
  const { root } = remembered.trusted;
  const editor = CollectionEditor.from(remembered.trusted);
  editor.rotateKey("timestamp", [await context.repository.rotateKey("timestamp")]);
  if (!(await holds(held, root, "snapshot")))
    editor.rotateKey("snapshot", [await context.repository.rotateKey("snapshot")]);
  const signed = [...(await sign(context, held, editor))].map(([role, bytes]) => parseMetadata(role, bytes));
  const newRoot = signed.find(({ role }) => role === "root") as RootFile; // present: its keys changed
  const replaced = new Set(signed.map(({ role }) => role).filter((role) => role !== "root"));
  const files = remembered.files.filter(({ role }) => !replaced.has(role));
  return {
    ...remembered,
    roots: [...remembered.roots, newRoot],
    files: [...files, ...signed.map(validatedFile)],
  };
}

async function sign({ gun, now, notify }: TrustContext, held: HeldKeys, editor: CollectionEditor) {
  try {
    const onWarning = (message: string): void => notify({ kind: "warning", gun, message });
    return await editor.sign(held.signingKey, { now: now(), onWarning });
  } catch (cause) {
    if (!hasCode(cause, "SIGNING_KEY_MISSING")) throw cause;
    throw new MetadataError("SIGNING_KEY_MISSING", `cannot name new server keys for ${gun}: ${cause.message}`, {
      cause,
      hint: "Run this command on the machine that has the root key.",
    });
  }
}

async function holds(held: HeldKeys, root: RootFile, role: string): Promise<boolean> {
  return await held.holdsOneOf(root.body.roles.get(role) ?? { keyIds: null, threshold: 1 }, root.body.keys);
}
