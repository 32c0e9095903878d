/** The server's keys in published roots. */

import type { ServerRole } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { NamesKey } from "../signer/signing-service.ts";
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
