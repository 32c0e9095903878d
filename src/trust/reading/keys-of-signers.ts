/** Which keys stand behind the names of signers. */
import { listDelegations } from "../../tuf/lookup.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { signerName } from "./released-tags.ts";

const known = new WeakMap<TrustedCollection, ReadonlyMap<string, readonly string[]>>();

/** IDs of the bare keys of each signer: a certificate of a key is that key. Built once for a collection. */
export function signerKeysOf(collection: TrustedCollection): ReadonlyMap<string, readonly string[]> {
  const built = known.get(collection) ?? keysByName(collection);
  known.set(collection, built);
  return built;
}

function keysByName(collection: TrustedCollection): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>();
  for (const { role, canonicalKeyIds } of listDelegations(collection)) {
    const name = signerName(role.name);
    keys.set(name, [...(keys.get(name) ?? []), ...canonicalKeyIds]);
  }
  return keys;
}
