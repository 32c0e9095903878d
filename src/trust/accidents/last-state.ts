/** What a collection was before an accident, as the server still has it, or as this machine remembers it. */

import { hasCode, reworded } from "../../errors.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { baseRoleSigners, keysOf } from "../../tuf/role-signers.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { MemoryTrustCache } from "../memory-cache.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { notSigned } from "../reading/collection-reading.ts";
import { readForWriting } from "../reading/reading-for-writing.ts";
import { rememberedCollection } from "../recovery/remembered-collection.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * A collection that had an accident, as the server has it, also if it has expired; or after an interruption as this machine remembers it.
 *
 * @param mayBeMadeAgain an earlier run may have made it again, and this one is to finish
 * @throws MetadataError `REPOSITORY_NOT_SIGNED` when neither has it; `ROOT_ROTATION_REFUSED` when it was made again already; what an update
 *   can refuse; NetworkError
 */
export async function lastState(
  context: TrustContext,
  { mayBeMadeAgain }: { readonly mayBeMadeAgain: boolean },
): Promise<TrustedCollection> {
  const { old, refusal } = await oldState(context);
  if (refusal !== undefined && !mayBeMadeAgain) throw refusal;
  return old;
}

/** What {@link oldState} found. */
export interface OldState {
  readonly old: TrustedCollection;
  /** the new one, when the server has that already, under root keys of this machine alone */
  readonly again?: TrustedCollection;
  /** of the new one, by what this machine remembers */
  readonly refusal?: unknown;
}

/**
 * The same, with what an interrupted run has made of it.
 *
 * @throws as {@link lastState}
 */
export async function oldState(context: TrustContext): Promise<OldState> {
  const quiet = { ...context, notify: () => undefined };
  try {
    const current = await readForWriting(quiet, { replacesServerKeys: true });
    return { old: current ?? (await remembered(context)) };
  } catch (error) {
    if (!hasCode(error, "ROOT_ROTATION_REFUSED")) throw error;
    const again = await madeHere(quiet);
    if (again === undefined) throw error;
    const hint = `The repository was made again with a root key of this machine. Forget the old root here: tagseal trust delete ${context.gun}`;
    return { old: await remembered(context), again, refusal: reworded(error, { hint }) };
  }
}

async function remembered(context: TrustContext): Promise<TrustedCollection> {
  const last = (await rememberedCollection(context))?.trusted;
  if (last === undefined) throw notSigned(context);
  return last;
}

/** An earlier run ended between the publication and forgetting the old root. Other people's root keys beside one of this machine do not count. */
async function madeHere(context: TrustContext): Promise<TrustedCollection | undefined> {
  const current = await readForWriting({ ...context, cache: new MemoryTrustCache() });
  if (current === undefined) return undefined;
  const keys = rootKeysOf(current);
  return (await new HeldKeys(context).countHeld(keys)) === keys.length ? current : undefined;
}

/** The root keys of a collection. */
export function rootKeysOf({ root }: TrustedCollection): readonly PublicKey[] {
  return keysOf(baseRoleSigners(root, "root"));
}
