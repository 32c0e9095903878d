/** A second root key that alone can rotate the root when the first is lost. */

import type { PublicKey } from "../../crypto/public-key.ts";
import { MetadataError } from "../../errors.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import { baseRoleSigners, keysOf, type RoleSigners } from "../../tuf/role-signers.ts";
import { missingKeysHint } from "../../tuf/role-signing.ts";
import type { TrustContext } from "../trust-context.ts";
import { rotateKey } from "./rotate.ts";

/** What became of a spare. */
export interface SpareResult {
  /** `unchanged`: the root role has this key already */
  readonly outcome: "added" | "unchanged";
  /** canonical */
  readonly keyId: string;
  /** what readers pin */
  readonly certificateId: string;
  /** signatures that a root needs; the spare is enough alone when it is 1 */
  readonly threshold: number;
}

/**
 * Adds a root key to the root role of a collection, in one publication that the present root key signs. The threshold stays, and docker,
 * notary and Tagseal follow as with any rotation. The private key of the spare is not needed: without it, the present root key issues the
 * certificate. Where it is in the key store of the context, it signs the new root too, which shows that it can.
 *
 * @param spare a key, or a certificate for this collection
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; `SIGNING_KEY_MISSING` without a root key; `CERTIFICATE_INVALID`; `KEY_UNSUPPORTED`
 * @throws NetworkError as `publishChange`
 */
export async function addSpareRootKey(context: TrustContext, spare: PublicKey): Promise<SpareResult> {
  const held = new HeldKeys(context);
  // A preview: publishing reads again and reports problems.
  const collection = await readForWriting({ ...context, notify: () => undefined });
  if (collection === undefined) throw notSigned(context);
  const signers = baseRoleSigners(collection.root, "root");
  await requireRootKey(context, held, signers);
  const keys = async (): Promise<readonly PublicKey[]> => [spare];
  const { outcome, newKeyIds, newCanonicalIds } = await rotateKey(context, "root", { keys, replace: [] });
  const [keyId = "", certificateId = keyId] = [newCanonicalIds[0], newKeyIds[0]];
  const { threshold } = signers.roleKeys;
  return { outcome: outcome === "unchanged" ? "unchanged" : "added", keyId, certificateId, threshold };
}

/** Checked before a passphrase is asked for. */
async function requireRootKey({ gun }: TrustContext, held: HeldKeys, signers: RoleSigners): Promise<void> {
  const keys = keysOf(signers);
  if ((await held.countHeld(keys)) >= signers.roleKeys.threshold) return;
  const { threshold } = signers.roleKeys;
  if (threshold > 1) {
    const message = `cannot add a root key to ${gun}: fewer than ${threshold} root keys are on this machine`;
    throw new MetadataError("SIGNING_KEY_MISSING", message, {
      hint: missingKeysHint(keys, await held.heldOf(keys), threshold),
    });
  }
  const ids = keys.map((key) => key.bareKeyId ?? key.keyId).join(", ");
  throw new MetadataError(
    "SIGNING_KEY_MISSING",
    `cannot add a root key to ${gun}: its root key is not on this machine`,
    {
      hint: `The present root key signs the addition. Load it, or ask its owner. Its ID: ${ids}.`,
    },
  );
}
