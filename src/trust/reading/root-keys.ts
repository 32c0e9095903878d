/** The root keys of a collection, and which of them are on this machine. */

import { HeldKeys } from "../publishing/held-keys.ts";
import { endingsOf } from "../renewal/endings.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import type { TrustContext } from "../trust-context.ts";
import { readCollection } from "./collection-reading.ts";

/** A key that may sign the root. */
export interface RootKey {
  /** canonical; that of the certificate if it cannot be read */
  readonly keyId: string;
  /** what readers pin */
  readonly certificateId: string;
  /** the end of its certificate; undefined when it cannot be read, and readers then ignore the key */
  readonly expiresAt: Date | undefined;
  /** where the private key is on this machine */
  readonly location: string | undefined;
}

/** The root role of a collection. */
export interface RootKeys {
  readonly version: number;
  /** how many of the keys must sign a new root */
  readonly threshold: number;
  readonly keys: readonly RootKey[];
}

/**
 * Lists the root keys of a collection. Asks for no passphrase.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`, and what an update can refuse; NetworkError
 */
export async function listRootKeys(context: TrustContext): Promise<RootKeys> {
  const collection = await readCollection(context);
  const { root } = collection;
  const signers = baseRoleSigners(root, "root");
  const held = new HeldKeys(context);
  const ends = new Map(endingsOf(collection).map((ending) => [ending.certificate?.key.keyId, ending.expiresAt]));
  const keys: RootKey[] = [];
  for (const key of keysOf(signers)) {
    const keyId = key.bareKeyId ?? key.keyId;
    const location = (await held.holds(key)) ? (await context.keys.find(keyId))?.location : undefined;
    keys.push({ keyId, certificateId: key.keyId, expiresAt: ends.get(key.keyId), location });
  }
  return { version: root.body.version, threshold: signers.roleKeys.threshold, keys };
}
