/** The server's keys in published roots. */

import type { PublicKey } from "../../crypto/public-key.ts";
import type { ServerRole } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { NamesKey, SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";

/** IDs of the keys that the current root names for a role; empty for a collection that does not exist. */
export async function publishedKeyIds(store: MetadataStore, gun: string, role: ServerRole): Promise<readonly string[]> {
  const root = await store.current(gun, "root");
  return root === undefined ? [] : (parseMetadata("root", root.bytes).body.roles.get(role)?.keyIds ?? []);
}

/** Answers {@link NamesKey} from the roots in a store. */
export function namesKeyIn(store: MetadataStore): NamesKey {
  return async (gun, role, keyId) => (await publishedKeyIds(store, gun, role)).includes(keyId);
}

/** The server's key for a role: the one that the current root names, if it is held here, else the one to name next. */
export async function serverKey(
  { store, signer }: { readonly store: MetadataStore; readonly signer: SigningService },
  gun: string,
  role: ServerRole,
): Promise<PublicKey> {
  for (const keyId of await publishedKeyIds(store, gun, role)) {
    const key = await signer.find(gun, role, keyId);
    if (key !== undefined) return key.publicKey;
  }
  return await signer.pendingKey(gun, role);
}
