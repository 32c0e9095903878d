/**
 * Keys that were promised and have not signed, where each promise costs a stored key: of a signer in another process, in a token, or by a service.
 *
 * Any client may ask for the key of any name. Their number is bounded: beyond it the key that was promised longest ago is given to the next request.
 */

import { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import { KeyedLock } from "../../service/keyed-lock.ts";
import type { KeyAssignment, KeyAssignments, PendingKeyOf } from "./key-assignments.ts";

/** Where keys come from, and where promises are noted. */
export interface PromisedKeyParts {
  readonly assignments: KeyAssignments;
  readonly maxPendingKeys: number;
  readonly now: () => Date;
  /** makes a key that nothing uses yet */
  readonly make: (of: PendingKeyOf) => Promise<PublicKey>;
  /** a key that was made earlier, if it is still there */
  readonly held: (keyId: string) => Promise<PublicKey | undefined>;
}

/** Promises one key at a time for each role of each collection. */
export class PromisedKeys {
  readonly #parts: PromisedKeyParts;
  readonly #lock = new KeyedLock();

  constructor(parts: PromisedKeyParts) {
    this.#parts = parts;
  }

  /** The promised key, or a new promise. @throws TagsealError `SIGNING_SERVICE_FAILED`, `STORAGE_FAILED` */
  async next(of: PendingKeyOf): Promise<PublicKey> {
    const { assignments, held } = this.#parts;
    return this.#lock.hold(JSON.stringify([of.gun, of.role]), async () => {
      const pending = await assignments.pending(of);
      if (pending !== undefined && (await held(pending.keyId)) !== undefined) return publicKeyOf(pending);
      // The key is lost; nothing is published with it.
      if (pending !== undefined) await assignments.forget(pending.keyId);
      return this.#promise(of);
    });
  }

  /** Assigns an unassigned key, and returns the valid one: another process may do the same at this moment. */
  async #promise(of: PendingKeyOf): Promise<PublicKey> {
    const { assignments, make } = this.#parts;
    const key = (await this.#spareBeyondBound(of)) ?? (await make(of));
    if (await this.#assign(of, key)) return key;
    const pending = await assignments.pending(of);
    if (pending !== undefined) return publicKeyOf(pending);
    const owner = await assignments.find(key.keyId);
    // The key was marked as used, but the signer reports that it has not signed: the promise still holds.
    if (owner?.gun === of.gun && owner.role === of.role) return key;
    // The signer offers the key it made for this name earlier; that key has since been given to another collection.
    const spare = await this.#takeOldest(of);
    if (spare !== undefined && (await this.#assign(of, spare))) return spare;
    const message = `The signer offers a key, ${key.keyId}, that another collection uses`;
    throw new TagsealError("SIGNING_SERVICE_FAILED", message);
  }

  #assign(of: PendingKeyOf, { keyId, bytes: publicKey }: PublicKey): Promise<boolean> {
    const assignedAt = this.#parts.now();
    return this.#parts.assignments.assign({ ...of, keyId, publicKey, assignedAt, used: false });
  }

  async #spareBeyondBound(of: PendingKeyOf): Promise<PublicKey | undefined> {
    const { assignments, maxPendingKeys } = this.#parts;
    return (await assignments.countPending()) < maxPendingKeys ? undefined : this.#takeOldest(of);
  }

  /** The key that has been pending longest, if it is still there; the collection it was promised to gets another one. */
  async #takeOldest({ algorithm }: PendingKeyOf): Promise<PublicKey | undefined> {
    const { assignments, held } = this.#parts;
    const oldest = await assignments.oldestPending();
    if (oldest === undefined) return undefined;
    const key = await held(oldest.keyId);
    const isTaken = await assignments.forget(oldest.keyId);
    return isTaken && oldest.algorithm === algorithm ? key : undefined;
  }
}

/** The public key of an assignment. */
export function publicKeyOf({ algorithm, publicKey }: Pick<KeyAssignment, "algorithm" | "publicKey">): PublicKey {
  return new PublicKey(algorithm, publicKey);
}

/** The refusal to sign with a key whose promise went to another collection. */
export function givenAway(keyId: string): KeyStoreError {
  return new KeyStoreError("KEY_NOT_FOUND", `The pending key ${keyId} was given to another collection meanwhile`, {
    hint: "Ask for the key again, as tagseal trust and notary do when a repository is initialised.",
  });
}
