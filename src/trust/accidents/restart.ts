/** A collection made again under a new root, because no key of its old root is left. */

import { MetadataError, NetworkError } from "../../errors.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { MemoryTrustCache } from "../memory-cache.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { type InitialiseResult, keyIdsOf } from "../publishing/initial-collection.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import { readCollection } from "../reading/collection-reading.ts";
import { releasedEntries } from "../reading/released-tags.ts";
import type { RotationMemory } from "../rotation/begun-rotation.ts";
import { NewKeys } from "../rotation/new-keys.ts";
import type { TrustContext } from "../trust-context.ts";
import { oldState, rootKeysOf } from "./last-state.ts";

/** The new collection. */
export interface RestartResult extends InitialiseResult {
  /** how many tags readers see in it */
  readonly tags: number;
  /** delegations whose own keys had not signed them validly, so that they are not part of the new collection */
  readonly dropped: readonly RoleName[];
}

/**
 * Deletes a collection on the server and publishes it again under a new root key: the same entries and signers, in one publication.
 * `targets` is signed by a new repository key; what signers signed stays as it is. Readers that remember the old root refuse the new one until
 * they forget it.
 *
 * The new root is remembered in the place of the old one before the server is asked again, so that a server which swaps it then is refused.
 *
 * If it is interrupted between the two, the next run makes the collection from what this machine remembers of the old one. After the
 * publication, the next run only puts the new root in the place of the old one; at every moment one of them is remembered.
 *
 * @param memory remembers the new repository key
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when neither the server nor this machine has the old collection
 * @throws UsageError `FILE_UNWRITABLE` when this machine cannot remember it; nothing is deleted then
 * @throws MetadataError `ROOT_ROTATION_REFUSED` when the server presents another root after the publication
 * @throws NetworkError `AUTHENTICATION_REFUSED` without the rights of an administrator; `PUBLISH_CONFLICT` when the server presents another
 *   collection after the deletion; and as `publishChange`
 */
export async function restartCollection(
  context: TrustContext,
  key: PublicKey,
  memory?: RotationMemory,
): Promise<RestartResult> {
  const { old, again, refusal } = await oldState({ ...context, mustRemember: true });
  const change = new TakeOver(old);
  if (again !== undefined && !(change.isIn(again) && hasOnlyRootKey(again, key))) throw refusal;
  const made = again ?? (await deleteAndPublish(context, change, { key, memory }));
  // Before the last step: the next run would not look for it.
  await memory?.clear();
  // Before the server is asked again: no root is trusted for being the first.
  await context.rememberOnly(made.root.bytes);
  const now = await readCollection({ ...context, notify: () => undefined });
  const tags = new Set(releasedEntries(now, () => undefined).map(({ tag }) => tag)).size;
  return { ...keysIn(made), tags, dropped: [...old.invalidDelegations.keys()] };
}

interface NewOwner {
  readonly key: PublicKey;
  readonly memory: RotationMemory | undefined;
}

async function deleteAndPublish(
  context: TrustContext,
  change: TakeOver,
  { key, memory }: NewOwner,
): Promise<TrustedCollection> {
  // The memory of the old collection stays until the new one is published.
  const fresh = { ...context, cache: new MemoryTrustCache(), stagedChanges: async () => 0 };
  const held = new HeldKeys(fresh);
  // Made first: a passphrase that is not given must not come between the deletion and the publication.
  const use = { role: "targets", gun: context.gun } as const;
  const source = memory === undefined ? {} : { memory };
  const newKeys = new NewKeys(context.keys, async (wanted) => await held.make(wanted), source);
  const targets = (await held.linked(use))?.publicKey ?? (await newKeys.make(use, change.replacedKeys));
  await context.repository.delete();
  const options = { initialise: "explicitly", root: { key }, targets } as const;
  const { initialised, collection } = await publishChange(fresh, held, change, options);
  if (initialised === undefined) throw madeElsewhere(context);
  return collection;
}

/** What the server presents after the deletion is not what this machine made. */
function madeElsewhere({ gun, repository }: TrustContext): NetworkError {
  const message = `${repository.name} deleted ${gun} and presents it again under a root that this machine did not make`;
  return new NetworkError("PUBLISH_CONFLICT", message, {
    hint: "Nothing of it was trusted. If another publisher did not make it, treat it as an attack; else run the command again.",
  });
}

function hasOnlyRootKey(collection: TrustedCollection, { bareKeyId }: PublicKey): boolean {
  return rootKeysOf(collection).every((key) => key.bareKeyId === bareKeyId);
}

function keysIn(collection: TrustedCollection): InitialiseResult {
  const [rootKey, ...more] = rootKeysOf(collection);
  const [targets] = keysOf(baseRoleSigners(collection.root, "targets"));
  if (rootKey === undefined || targets === undefined)
    throw new MetadataError("METADATA_MALFORMED", "the root names no keys");
  return keyIdsOf([rootKey, ...more], targets);
}

class TakeOver implements CollectionChange {
  /** canonical IDs of the old repository keys */
  readonly replacedKeys: readonly string[];
  readonly #targets: TargetsFile;
  readonly #delegations: ReadonlyMap<RoleName, TargetsFile>;

  constructor({ root, targets, delegations }: Pick<TrustedCollection, "root" | "targets" | "delegations">) {
    this.replacedKeys = keysOf(baseRoleSigners(root, "targets")).map(({ canonicalKeyId }) => canonicalKeyId);
    this.#targets = targets;
    this.#delegations = delegations;
  }

  async apply(editor: CollectionEditor, current: TrustedCollection | undefined): Promise<boolean> {
    if (current !== undefined) return false;
    editor.takeOver(this.#targets, this.#delegations);
    return true;
  }

  isIn({ targets }: TrustedCollection): boolean {
    return targets.body.version > this.#targets.body.version;
  }
}
