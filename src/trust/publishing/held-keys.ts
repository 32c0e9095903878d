import type { KeyAlgorithm, SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError } from "../../errors.ts";
import { defaultKeyAlgorithm, type KeyUse } from "../../keys/key-store.ts";
import type { RoleKeys } from "../../tuf/metadata.ts";
import { countDistinct } from "../../tuf/threshold.ts";
import type { TrustContext } from "../trust-context.ts";

/**
 * The private keys of one operation: those of the key store, looked up by canonical ID, and those that it makes. Keys it made
 * are removed when the operation fails.
 */
export class HeldKeys {
  readonly #context: TrustContext;
  readonly #made = new Map<string, { readonly key: SigningKey; readonly use: KeyUse }>();

  constructor(context: TrustContext) {
    this.#context = context;
  }

  /** The key to sign with; undefined when it is not here. Asks for its passphrase if needed. */
  readonly signingKey = async (key: PublicKey): Promise<SigningKey | undefined> => {
    const keyId = key.bareKeyId;
    if (keyId === undefined) return undefined;
    return this.#made.get(keyId)?.key ?? (await this.#context.keys.signingKey(keyId));
  };

  /** True when one of the role's keys is here; asks for no passphrase. */
  async holdsOneOf(roleKeys: RoleKeys, keys: ReadonlyMap<string, PublicKey>): Promise<boolean> {
    for (const id of roleKeys.keyIds ?? []) {
      const key = keys.get(id);
      if (key !== undefined && (await this.holds(key))) return true;
    }
    return false;
  }

  /** How many different private keys of these are here; asks for no passphrase. */
  async countHeld(keys: readonly PublicKey[]): Promise<number> {
    return countDistinct(await this.heldOf(keys));
  }

  /** Those of the keys whose private keys are here; asks for no passphrase. */
  async heldOf(keys: readonly PublicKey[]): Promise<readonly PublicKey[]> {
    const held = await Promise.all(keys.map(async (key) => await this.holds(key)));
    return keys.filter((_, index) => held[index]);
  }

  /** True when the private key is here; asks for no passphrase. */
  async holds(key: PublicKey): Promise<boolean> {
    const keyId = key.bareKeyId;
    if (keyId === undefined) return false;
    return this.#made.has(keyId) || (await this.#context.keys.find(keyId)) !== undefined;
  }

  /** Has the key store make a key. @throws KeyStoreError `KEY_UNSUPPORTED` when it does not, and as `KeyStore.make` */
  async make(use: KeyUse, algorithm: KeyAlgorithm = defaultKeyAlgorithm): Promise<SigningKey> {
    const key = await this.#context.keys.make(use, algorithm);
    if (key === undefined)
      throw new KeyStoreError("KEY_UNSUPPORTED", `no key store here makes ${algorithm} keys for ${use.role}`);
    const { keyId } = key.publicKey;
    this.#made.set(keyId, { key, use });
    this.#context.notify({ kind: "key-created", role: use.role, gun: use.gun, keyId });
    return key;
  }

  /**
   * The key that is kept for this use, or a new one.
   *
   * @param alsoKeptAs another role under which such a key may be kept
   * @throws KeyStoreError `KEY_NOT_FOUND` for one that is listed and cannot be read; and as {@link HeldKeys.make} and `KeyStore.signingKey`
   */
  async keptOrMade(use: KeyUse, alsoKeptAs: readonly string[] = []): Promise<SigningKey> {
    const kept = await this.#context.keys.keptFor([use.role, ...alsoKeptAs]);
    return kept === undefined ? await this.make(use) : await this.#kept(use, kept.keyId);
  }

  async #kept({ role }: KeyUse, keyId: string): Promise<SigningKey> {
    const key = await this.#context.keys.signingKey(keyId);
    if (key !== undefined) return key;
    throw new KeyStoreError("KEY_NOT_FOUND", `the ${role} key ${keyId} is listed but cannot be read`);
  }

  /**
   * The key that is linked for this role of this collection, or a new one. A key file is not used again: it may have been an earlier
   * collection's of that name.
   *
   * @throws as {@link HeldKeys.keptOrMade}
   */
  async linkedOrMade(use: KeyUse): Promise<SigningKey> {
    return (await this.linked(use)) ?? (await this.make(use));
  }

  /** The key that is linked for this role of this collection; undefined when there is none. @throws as {@link HeldKeys.keptOrMade} */
  async linked(use: KeyUse): Promise<SigningKey | undefined> {
    const keys = await this.#context.keys.list();
    const linked = keys.find(({ uri, role, gun }) => uri !== undefined && role === use.role && gun === use.gun);
    return linked === undefined ? undefined : await this.#kept(use, linked.keyId);
  }

  /** Keeps the new keys: they are published. */
  keepMade(): void {
    this.#made.clear();
  }

  /**
   * Removes unused new keys. Root keys stay: they serve every repository, and their passphrase was chosen with care.
   *
   * @param why the reason in the warning about a root key that stays
   */
  async discardMade(why: string): Promise<void> {
    for (const [keyId, { use }] of this.#made) {
      if (use.role === "root") this.#warn(`${why}; the new root key ${keyId} is kept and will be used next time`);
      else await this.#remove(keyId, use.role);
    }
    this.#made.clear();
  }

  /** A key that cannot be removed must not hide the original failure. */
  async #remove(keyId: string, role: string): Promise<void> {
    try {
      await this.#context.keys.remove(keyId);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(`the new ${role} key ${keyId} is of no use and could not be removed: ${reason}`);
    }
  }

  /** Keeps the new keys because it is unknown whether they were published, and says so. */
  reportMade(why: string): void {
    for (const [keyId, { use }] of this.#made) this.#warn(`${why}; the new ${use.role} key ${keyId} is kept`);
    this.#made.clear();
  }

  #warn(message: string): void {
    this.#context.notify({ kind: "warning", gun: this.#context.gun, message });
  }
}
