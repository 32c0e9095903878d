/**
 * Where private keys are that are not in the table: in a token, or by a service. The server knows this contract only; what talks to tokens is given
 * to it from outside (docs/decisions/0044-a-servers-keys-in-a-token.md).
 */

import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { DerivedAlgorithm } from "./derived-key.ts";

/** A key that is kept elsewhere: what the table has of it. */
export interface ServedKey {
  /** names the key and no other, and holds no secret */
  readonly uri: string;
  /** the key at the URI must be this one */
  readonly publicKey: PublicKey;
}

/**
 * Makes and uses keys by URI. Every method may throw KeyStoreError `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_FAILED`, `PIN_WRONG` or `PIN_LOCKED`
 * when the place cannot be used now. A PIN that was wrong is never used again by the same process.
 */
export interface KeyService {
  /** whether new keys are made there; without it, those that were made earlier are used */
  readonly makesKeys: boolean;
  /** false while the last attempt has failed */
  readonly isAvailable: boolean;
  /** Makes a key under a name that nothing there has. @throws KeyStoreError `KEY_EXISTS`, `KEY_UNSUPPORTED` */
  make(name: string, algorithm: DerivedAlgorithm): Promise<ServedKey>;
  /**
   * A key, ready to sign; each of its signatures is verified before it is returned.
   *
   * @throws KeyStoreError `KEY_NOT_FOUND` when the place answers and has no such key; `KEY_CHANGED` when it has another one under that name;
   *   `KEY_URI_INVALID`
   */
  open(key: ServedKey): Promise<SigningKey>;
  /** Proves that new keys could be made, and made ones used, now. Without {@link makesKeys} there is nothing to prove. */
  check(): Promise<void>;
}
