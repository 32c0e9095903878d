/** A collection made again under a new root, because no key of its old root is left. */

import { hasCode, reworded } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import type { MetadataFile, RoleName, TargetsBody } from "../../tuf/metadata.ts";
import { maxFileBytes } from "../../tuf/notary-v1/bounds.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { MemoryTrustCache } from "../memory-cache.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import type { InitialiseResult } from "../publishing/initial-collection.ts";
import { type CollectionChange, publishChange } from "../publishing/publish.ts";
import type { RootChoice } from "../publishing/root-choice.ts";
import { notSigned, readCollection } from "../reading/collection-reading.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import { releasedEntries } from "../reading/released-tags.ts";
import { rememberedCollection } from "../recovery/remembered-collection.ts";
import type { TrustContext } from "../trust-context.ts";

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
 * If it is interrupted between the two, the next run makes the collection from what this machine remembers of the old one.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when neither the server nor this machine has the old collection
 * @throws NetworkError `AUTHENTICATION_REFUSED` without the rights of an administrator, and as `publishChange`
 */
export async function restartCollection(context: TrustContext, root: RootChoice = {}): Promise<RestartResult> {
  const old = await lastState(context);
  await context.repository.delete();
  // The memory of the old collection stays until the new one is published.
  const fresh = { ...context, cache: new MemoryTrustCache(), stagedChanges: async () => 0 };
  const change = new TakeOver(old);
  const { initialised } = await publishChange(fresh, new HeldKeys(fresh), change, { initialise: "explicitly", root });
  await context.removeRemembered();
  const now = await readCollection({ ...context, notify: () => undefined });
  const tags = new Set(releasedEntries(now, () => undefined).map(({ tag }) => tag)).size;
  if (initialised === undefined) throw notSigned(context);
  return { ...initialised, tags, dropped: [...old.invalidDelegations.keys()] };
}

/**
 * A collection that had an accident, as the server has it, also if it has expired; or after an interruption as this machine remembers it.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when neither has it; `ROOT_ROTATION_REFUSED` when it was made again already; what an update
 *   can refuse; NetworkError
 */
export async function lastState(context: TrustContext): Promise<TrustedCollection> {
  const quiet = { ...context, notify: () => undefined };
  try {
    const current = await readForWriting(quiet, { replacesServerKeys: true });
    const last = current ?? (await rememberedCollection(context))?.trusted;
    if (last === undefined) throw notSigned(context);
    return last;
  } catch (error) {
    if (!hasCode(error, "ROOT_ROTATION_REFUSED") || !(await hasRootOfThisMachine(context))) throw error;
    const hint = `The repository was made again with a root key of this machine. Forget the old root here: tagseal trust delete ${context.gun}`;
    throw reworded(error, { hint });
  }
}

/** An earlier run ended between the publication and forgetting the old root. */
async function hasRootOfThisMachine(context: TrustContext): Promise<boolean> {
  const root = parseMetadata("root", await context.repository.fetch("root", maxFileBytes("root")));
  return (await new HeldKeys(context).countHeld(keysOf(baseRoleSigners(root, "root")))) > 0;
}

class TakeOver implements CollectionChange {
  readonly #targets: MetadataFile<TargetsBody>;
  readonly #delegations: ReadonlyMap<RoleName, MetadataFile<TargetsBody>>;

  constructor({ targets, delegations }: Pick<TrustedCollection, "targets" | "delegations">) {
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
