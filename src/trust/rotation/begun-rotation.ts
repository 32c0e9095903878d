/** What is remembered of a rotation from before its key is made until it is done, so that after a crash the next run finishes it. */

import type { KeyStore } from "../../keys/key-store.ts";

/** A rotation that was begun. All key IDs are canonical. */
export interface BegunRotation {
  /** the private keys that were here for this use before the new one was made */
  readonly keysBefore: readonly string[];
  /** the keys that are replaced */
  readonly replaced: readonly string[];
  /** set once the new key is in the key store */
  readonly newKeyId?: string;
}

/** Where a rotation is remembered. One for each collection and role. */
export interface RotationMemory {
  /** undefined when none was begun */
  load(): Promise<BegunRotation | undefined>;
  /** Durable once it returns. */
  save(begun: BegunRotation): Promise<void>;
  clear(): Promise<void>;
}

/**
 * The key that an earlier run made for this rotation and that no run has replaced since.
 *
 * A run that ended between making the key and remembering its ID left exactly one key that was not here before.
 *
 * @param uses roles under which the key is kept, and its collection where it belongs to one
 * @returns its canonical ID; undefined when there is none, so that a key must be made
 */
export async function keyMadeBefore(
  begun: BegunRotation | undefined,
  keys: KeyStore,
  use: { readonly role: string; readonly gun?: string },
): Promise<string | undefined> {
  if (begun === undefined) return undefined;
  if (begun.newKeyId !== undefined) return (await keys.find(begun.newKeyId))?.keyId;
  const made = (await keysFor(keys, use)).filter((keyId) => !begun.keysBefore.includes(keyId));
  return made.length === 1 ? made[0] : undefined;
}

/** True when a rotation was published: a role names its key, and none of those that it replaces. @param named canonical IDs */
export function isPublished(
  begun: BegunRotation | undefined,
  named: readonly string[],
): begun is BegunRotation & { readonly newKeyId: string } {
  if (begun?.newKeyId === undefined || !named.includes(begun.newKeyId)) return false;
  return !begun.replaced.some((keyId) => named.includes(keyId));
}

/** Canonical IDs of the private keys that are kept for a use. */
export async function keysFor(
  keys: KeyStore,
  { role, gun }: { readonly role: string; readonly gun?: string },
): Promise<readonly string[]> {
  const kept = await keys.list();
  return kept
    .filter((key) => key.role === role && (key.gun === undefined || key.gun === gun))
    .map(({ keyId }) => keyId);
}
