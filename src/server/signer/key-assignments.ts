/**
 * Which key was promised to which collection and role.
 *
 * A signer in another process knows its keys by ID alone. This table records the purpose of each, so that
 * the same pending key is answered until it signs, and so that a key of one collection never signs for another. Every
 * implementation of `KeyTable` has one; both run `test/contract/key-table.ts`.
 */

import type { ServerRole } from "../../tuf/metadata.ts";

/** What one key is for. */
export interface KeyAssignment {
  /** lower-case hex */
  readonly keyId: string;
  readonly gun: string;
  readonly role: ServerRole;
  /** `ecdsa` or `ed25519` */
  readonly algorithm: string;
  /** as metadata has it: SubjectPublicKeyInfo, DER; the bare 32 bytes for Ed25519 */
  readonly publicKey: Uint8Array;
  readonly assignedAt: Date;
  /** false while the key is only promised and may be forgotten */
  readonly used: boolean;
}

/** What a pending key is looked up by: there is at most one for each. */
export type PendingKeyOf = Pick<KeyAssignment, "gun" | "role" | "algorithm">;

/** Every method is atomic, also between processes, and may throw TagsealError `STORAGE_FAILED`. */
export interface KeyAssignments {
  /** What this key is for. */
  find(keyId: string): Promise<KeyAssignment | undefined>;
  /** The key that this role of this collection was promised and has not used. */
  pending(of: PendingKeyOf): Promise<KeyAssignment | undefined>;
  /**
   * Writes an assignment, durably, unless its key has one already or (when it is not a used one) its role has another
   * pending key. @returns whether it was written
   */
  assign(assignment: KeyAssignment): Promise<boolean>;
  /**
   * Marks a key as used, durably: from here on it is never forgotten. @returns whether it is assigned to this role of this
   * collection, and used now; false and unchanged when it is not assigned, or to another
   */
  use(of: Pick<KeyAssignment, "keyId" | "gun" | "role">): Promise<boolean>;
  /** How many keys are pending. */
  countPending(): Promise<number>;
  /** The pending key that was assigned before all others. */
  oldestPending(): Promise<KeyAssignment | undefined>;
  /** Forgets a pending key. @returns whether it was there and pending: true for one of several callers */
  forget(keyId: string): Promise<boolean>;
}
