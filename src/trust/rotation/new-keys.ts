import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError } from "../../errors.ts";
import type { KeyStore, KeyUse } from "../../keys/key-store.ts";
import { type BegunRotation, isPublished, keyMadeBefore, keysFor, type RotationMemory } from "./begun-rotation.ts";

/** Where the new keys of a rotation come from. */
export interface NewKeySource {
  /** existing keys to use instead of a new one; asked for once, after it is known that the rotation can be signed */
  readonly keys?: () => Promise<readonly PublicKey[]>;
  /** survives a crash; without it, a run after a crash makes another key */
  readonly memory?: RotationMemory;
}

/** The new keys of one rotation: the same ones, however often a conflict makes the publication start again, or a crash the command. */
export class NewKeys {
  readonly #store: KeyStore;
  readonly #makeKey: (use: KeyUse) => Promise<SigningKey>;
  readonly #source: NewKeySource;
  #keys: readonly PublicKey[] | undefined;

  constructor(store: KeyStore, makeKey: (use: KeyUse) => Promise<SigningKey>, source: NewKeySource) {
    this.#store = store;
    this.#makeKey = makeKey;
    this.#source = source;
  }

  /** True when the user chose the keys. */
  get areGiven(): boolean {
    return this.#source.keys !== undefined;
  }

  /** The keys that the user chose; undefined when one is to be made. */
  async given(): Promise<readonly PublicKey[] | undefined> {
    if (this.#source.keys === undefined) return undefined;
    return (this.#keys ??= await this.#source.keys());
  }

  /** An earlier run's rotation, if it was published and only the command did not end. @param named canonical IDs of the role's keys now */
  async publishedBefore(
    named: readonly string[],
  ): Promise<(BegunRotation & { readonly newKeyId: string }) | undefined> {
    if (this.#source.keys !== undefined || this.#keys !== undefined) return undefined;
    const begun = await this.#source.memory?.load();
    return isPublished(begun, named) ? begun : undefined;
  }

  /** As {@link NewKeys.make}, with the same key each time. */
  async made(use: KeyUse, replaced: readonly string[]): Promise<readonly PublicKey[]> {
    return (this.#keys ??= [await this.make(use, replaced)]);
  }

  /**
   * The key of an earlier run, or a new one.
   *
   * @param replaced canonical IDs of the keys that it replaces
   * @throws KeyStoreError as `HeldKeys.make`
   */
  async make(use: KeyUse, replaced: readonly string[]): Promise<PublicKey> {
    const { memory } = this.#source;
    const begun = await memory?.load();
    const before = await keyMadeBefore(begun, this.#store, use);
    // The key of an earlier run may be lost or leaked itself by now.
    if (before !== undefined && !replaced.includes(before)) {
      await memory?.save({ keysBefore: begun?.keysBefore ?? [], replaced, newKeyId: before });
      return await this.#unlocked(before);
    }
    const keysBefore = await keysFor(this.#store, use);
    await memory?.save({ keysBefore, replaced });
    const { publicKey } = await this.#makeKey(use);
    await memory?.save({ keysBefore, replaced, newKeyId: publicKey.keyId });
    return publicKey;
  }

  /** Forgets the rotation unless its key stays here for the next run. */
  async giveUp(): Promise<void> {
    const { memory } = this.#source;
    const begun = await memory?.load();
    if (begun?.newKeyId !== undefined && (await this.#store.find(begun.newKeyId)) !== undefined) return;
    if (begun !== undefined) await memory?.clear();
  }

  async #unlocked(keyId: string): Promise<PublicKey> {
    const key = await this.#store.signingKey(keyId);
    if (key !== undefined) return key.publicKey;
    throw new KeyStoreError(
      "KEY_NOT_FOUND",
      `key ${keyId} was made for this rotation and is not on this machine any more`,
    );
  }
}
