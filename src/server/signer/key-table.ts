/**
 * Where a signer keeps its rows: one contract, every implementation of which runs `test/contract/key-table.ts`.
 *
 * A table sees sealed text only; it never holds a passphrase or an opened key. Of a key that is kept elsewhere, in a token or by a service, it holds
 * the address and the public half.
 */

import type { ServerRole } from "../../tuf/metadata.ts";
import type { KeyAssignments } from "./key-assignments.ts";

/** A secret in a compact JWE, and the name of the passphrase it is sealed under; or, with {@link aliasElsewhere}, the URI of a key. */
export interface Sealed {
  readonly sealed: string;
  readonly alias: string;
}

/** The alias of a key that no passphrase seals, because its private half is not in the table. No passphrase has this name. */
export const aliasElsewhere = "";

/** True for the row of a key that is kept elsewhere: `sealed` is its URI. */
export function isElsewhere({ alias }: Pick<Sealed, "alias">): boolean {
  return alias === aliasElsewhere;
}

/** True for a key that is kept elsewhere and has not signed: only its assignment says what it is for. */
export function isPromise({ alias, gun }: Pick<SealedKey, "alias" | "gun">): boolean {
  return alias === aliasElsewhere && gun === "";
}

/** One key that has signed, or was imported from another signer. */
export interface SealedKey extends Sealed {
  /** lower-case hex */
  readonly keyId: string;
  /** empty for keys of a signer that did not note it, and for keys kept elsewhere that have not signed */
  readonly gun: string;
  /** empty for keys of a signer that did not note it */
  readonly role: ServerRole | "";
  /** `ecdsa`, `rsa` or `ed25519` */
  readonly algorithm: string;
  /** as metadata has it: SubjectPublicKeyInfo, DER; the bare 32 bytes for Ed25519 */
  readonly publicKey: Uint8Array;
  readonly createdAt: Date;
}

/** Every method may throw TagsealError `STORAGE_FAILED`; the table is then as it was before the call. */
export interface KeyTable {
  /** Which keys were promised to which callers; stored in the same database. */
  readonly assignments: KeyAssignments;
  /** The secret that pending keys are derived from; undefined before the first start has written one. */
  derivationSecret(): Promise<Sealed | undefined>;
  /** Writes the derivation secret unless there is one, and returns the valid one: several first starts may race. */
  keepDerivationSecret(secret: Sealed): Promise<Sealed>;
  /** Replaces the derivation secret's seal if it still is `from`. @returns whether it was */
  resealDerivationSecret(from: Sealed, to: Sealed): Promise<boolean>;
  /** The key, if it was made for this role of this collection. */
  findKey(gun: string, role: ServerRole, keyId: string): Promise<SealedKey | undefined>;
  /** The key with this ID, whatever it was made for. */
  keyById(keyId: string): Promise<SealedKey | undefined>;
  /** How many keys were ever kept for this role of this collection, removed ones included. */
  countKeys(gun: string, role: ServerRole): Promise<number>;
  /** How many keys are kept now. */
  count(): Promise<number>;
  /** Keeps a key durably; does nothing when a key with this ID is kept already. @returns false when it was removed before */
  insertKey(key: SealedKey): Promise<boolean>;
  /** Notes what a key with no known purpose is for, durably. @returns whether it is for that now */
  keepFor(keyId: string, gun: string, role: ServerRole): Promise<boolean>;
  /** Keys whose IDs come after `afterKeyId`, at most `limit`, in the order of their IDs. */
  keys(afterKeyId: string, limit: number): Promise<readonly SealedKey[]>;
  /** One key of each alias that keys are sealed under: what a signer tries its passphrases on when it starts. */
  oneKeyPerAlias(): Promise<readonly SealedKey[]>;
  /** Replaces a key's seal if it still is `from`. @returns whether it was */
  resealKey(keyId: string, from: Sealed, to: Sealed): Promise<boolean>;
  /** Destroys a key's secret. Its ID stays known, so that the same key is never made again. @returns whether it was there */
  removeKey(keyId: string, at: Date): Promise<boolean>;
  /** Keys that were removed, without a secret, whose IDs come after `afterKeyId`, at most `limit`, in the order of their IDs. */
  removedKeys(afterKeyId: string, limit: number): Promise<readonly SealedKey[]>;
  /** Forgets a key that another table has now, if its seal still is `seal`: it may come back. @returns whether it was */
  dropKey(keyId: string, seal: Sealed): Promise<boolean>;
  /** Forgets the derivation secret if it still is `seal`. @returns whether it was */
  dropDerivationSecret(seal: Sealed): Promise<boolean>;
  /**
   * Makes sure that no other process works with this table, as far as that is visible: a shared database does not show it.
   *
   * @throws TagsealError `STORAGE_CONFLICT`
   */
  requireAlone(): Promise<void>;
  /** Overwrites dropped rows as far as the database allows: nothing of them remains in files beside it. */
  scrub(): Promise<void>;
  /** Proves that rows can be read, and new ones written, now: a first publication needs both. Leaves nothing that other processes see. */
  check(): Promise<void>;
  close(): Promise<void>;
}
