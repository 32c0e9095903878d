/**
 * The holder of the server's private keys. The rest of the server sees this contract only, so that the keys can be held in another process or on
 * another machine.
 */

import type { ServerRole } from "../../tuf/metadata.ts";
import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode, type TagsealError } from "../../errors.ts";

/**
 * Whether the current root names this key for this role. Published files were checked at publication: a signer that does not know the purpose of an
 * old key relies on this.
 */
export type NamesKey = (gun: string, role: ServerRole, keyId: string) => Promise<boolean>;

/**
 * What is known of a key that a root names: `held` and can be opened; `lost` although this server has signed with it; `unknown` when there is no
 * record that it was ever here.
 */
export type KeyPresence = "held" | "lost" | "unknown";

/**
 * True for a failure that says nothing about a key: what holds the keys, a signer, a token or a service, cannot be used now. It may be back in a
 * moment, and requests are answered with 503 until then.
 */
export function areKeysOutOfReach(error: unknown): error is TagsealError {
  return hasCode(
    error,
    "SIGNING_SERVICE_UNREACHABLE",
    "KEY_SERVICE_UNAVAILABLE",
    "KEY_SERVICE_FAILED",
    "PIN_WRONG",
    "PIN_LOCKED",
  );
}

/**
 * Makes, finds and uses keys, each bound to one role of one collection: a key made for one is never found for another.
 *
 * Every method may throw TagsealError `STORAGE_FAILED`, and KeyStoreError `PASSPHRASE_WRONG` or
 * `PASSPHRASE_UNAVAILABLE` for a key that cannot be opened. A failure never leads to a different key.
 */
export interface SigningService {
  /** false while the last attempt to reach the keys has failed; a remote service tries again automatically */
  readonly isAvailable: boolean;
  /**
   * The key to name in the next root: one that has not signed yet. The same key is answered until it signs, also after a
   * restart; a request costs no storage, for any number of collections.
   */
  pendingKey(gun: string, role: ServerRole): Promise<PublicKey>;
  /**
   * A key of this role, pending or used; undefined when this service does not hold it. The key is durably stored before its first signature is
   * returned: no published file depends on a key that could be forgotten.
   */
  find(gun: string, role: ServerRole, keyId: string): Promise<SigningKey | undefined>;
  /**
   * Whether a key that a root names for a role could sign now. Makes, stores and signs nothing.
   *
   * @throws TagsealError as {@link areKeysOutOfReach} when the answer cannot be known; another code when the key exists and does not open
   */
  presence(gun: string, role: ServerRole, keyId: string): Promise<KeyPresence>;
  /**
   * Proves that keys can be read and new ones stored now.
   *
   * @throws TagsealError `STORAGE_FAILED`; `SIGNING_SERVICE_UNREACHABLE`, `SIGNING_SERVICE_FAILED` for a signer in another process
   */
  check(): Promise<void>;
  close(): Promise<void>;
}
