/** One key replaced in many collections, by one new key. */

import type { PublicKey } from "../../crypto/public-key.ts";
import type { SigningKey } from "../../crypto/private-key.ts";
import type { KeyStore, KeyUse } from "../../keys/key-store.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isBaseRole } from "../../tuf/role-name.ts";
import { indexRoleOf } from "../../tuf/shards/shard-index.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { readCollection } from "../reading/collection-reading.ts";
import { releasesRole } from "../reading/released-tags.ts";
import type { TrustContext } from "../trust-context.ts";
import type { RotationMemory } from "./begun-rotation.ts";
import { NewKeys } from "./new-keys.ts";
import { namedKeys } from "./replaced-keys.ts";
import { rotateKey, type RotateResult } from "./rotate.ts";

/** What the key that replaces another everywhere is made with. */
export interface SuccessorOptions {
  readonly keys: KeyStore;
  readonly make: (use: KeyUse) => Promise<SigningKey>;
  /** the rotation of a key, by its canonical ID */
  readonly memoryOf: (keyId: string) => RotationMemory;
}

/**
 * The key that replaces this one in all collections: that of an earlier run, if it is still here, or a new one. A key that was replaced
 * itself since then does not come back: its successor is used.
 *
 * @param keyId canonical
 * @throws KeyStoreError as `KeyStore.make` and `KeyStore.signingKey`
 */
export async function successorOf(keyId: string, use: KeyUse, options: SuccessorOptions): Promise<PublicKey> {
  const { keys, make, memoryOf } = options;
  const passed = new Set<string>();
  let replaced = keyId;
  for (;;) {
    passed.add(replaced);
    const next = (await memoryOf(replaced).load())?.newKeyId;
    if (next === undefined || passed.has(next) || (await memoryOf(next).load()) === undefined) break;
    replaced = next;
  }
  return await new NewKeys(keys, make, { memory: memoryOf(replaced) }).make(use, [keyId]);
}

/**
 * Replaces a key in every role of a collection that names it now.
 *
 * @param keyId canonical
 * @param successor the key to name instead; its private key is in the key store of the context
 * @returns one result for each role; none when no role names the key
 * @throws as {@link rotateKey}
 */
export async function replaceKeyIn(
  context: TrustContext,
  keyId: string,
  successor: readonly PublicKey[],
): Promise<readonly RotateResult[]> {
  const results: RotateResult[] = [];
  for (const role of rolesNaming(await readCollection(context), keyId)) {
    const keys = async (): Promise<readonly PublicKey[]> => successor;
    results.push(await rotateKey(context, role, { keys, replace: [keyId] }));
  }
  return results;
}

/** The list of releases follows a signer, and the index of shards the role that they copy. */
function rolesNaming(
  { root, targets, delegations, shardIndexes }: TrustedCollection,
  keyId: string,
): readonly RoleName[] {
  const ofRoot = [...root.body.roles]
    .filter(([role]) => isBaseRole(role))
    .map(([name, roleKeys]) => ({ name, roleKeys, keys: root.body.keys }));
  const delegated = [targets, ...delegations.values()].flatMap(({ body }) =>
    (body.delegations.roles ?? []).map((role) => ({ name: role.name, roleKeys: role, keys: body.delegations.keys })),
  );
  const followers = new Set([releasesRole, ...[...shardIndexes.keys()].map(indexRoleOf)]);
  return [...ofRoot, ...delegated]
    .filter(({ name }) => !followers.has(name))
    .filter(({ roleKeys, keys }) => namedKeys(roleKeys, keys).some(({ canonicalId }) => canonicalId === keyId))
    .map(({ name }) => name);
}
