/**
 * Drivers for private keys that are kept elsewhere: in a token, or by a service. A key is named by a URI, whose scheme chooses the driver.
 * A driver signs and hands out no private key.
 */
import type { KeyAlgorithm, PrivateKey, SigningKey } from "../../crypto/private-key.ts";
import type { Environment } from "../../environment/environment.ts";
import type { PassphraseSubject } from "../passphrase-keeper.ts";
import type { PassphraseSource } from "../passphrase.ts";

/** A key that a driver found or made. */
export interface ExternalKey extends SigningKey {
  /** names this key and no other; holds no secret */
  readonly uri: string;
  /** where it is, in words that complete "the key in …" */
  readonly place: string;
}

/** A key that is about to be made. */
export interface NewExternalKey {
  /** what it is called there, unless the URI says otherwise */
  readonly label: string;
  readonly algorithm: KeyAlgorithm;
}

/** A key that was made elsewhere and is to be kept at the place. */
export interface TakenKey {
  /** what it is called there, unless the URI says otherwise */
  readonly label: string;
  readonly key: PrivateKey;
}

/** What a driver may use. */
export interface DriverOptions {
  readonly env: Environment;
  /** asked for PINs, with the purpose `pin` */
  readonly secrets: PassphraseSource;
  /** called with a sentence about something that the user should know before it is too late */
  readonly onWarning: (warning: string) => void;
}

/**
 * One kind of place for keys. Every method may throw KeyStoreError `KEY_URI_INVALID` for a URI that the driver cannot read,
 * `KEY_SERVICE_UNAVAILABLE` when what it needs is missing or does not answer, and `KEY_SERVICE_FAILED` when the place reports a failure;
 * where there are PINs, `PIN_WRONG`, `PIN_LOCKED` and `PASSPHRASE_UNAVAILABLE`.
 *
 * A wrong secret is used once and never again: each further try may lock the place.
 */
export interface KeyDriver {
  /**
   * The key that a URI names. It asks for no secret before the key has to sign, unless the place shows nothing without one.
   *
   * @param subject the purpose of the key, for prompts
   * @throws KeyStoreError `KEY_NOT_FOUND`; `KEY_AMBIGUOUS` when several keys match, with what tells them apart
   */
  find(uri: string, subject: PassphraseSubject): Promise<ExternalKey>;
  /** Every key that a URI matches and that can be used here. */
  list(uri: string): Promise<readonly ExternalKey[]>;
  /**
   * Makes a key where the URI says. Its private part cannot be read from there.
   *
   * @throws KeyStoreError `KEY_EXISTS` when there is one with its name; `KEY_UNSUPPORTED` for an algorithm that the place does not have
   */
  generate(uri: string, wanted: NewExternalKey, subject: PassphraseSubject): Promise<ExternalKey>;
  /**
   * Keeps a key that was made elsewhere where the URI says, so that it cannot be read from there. That it is the same key is for the caller to verify.
   *
   * @throws KeyStoreError `KEY_EXISTS` when there is one with its name; `KEY_UNSUPPORTED` where no keys, or none of this kind, are taken in
   */
  take(uri: string, taken: TakenKey, subject: PassphraseSubject): Promise<ExternalKey>;
  /** True for the URI of one key; false for that of a place for many. @throws KeyStoreError `KEY_URI_INVALID` */
  namesKey(uri: string): boolean;
  /**
   * Proves that keys at a place could sign now, for a process that uses them for a long time. Where there is a PIN it is used, once. What has been
   * away and is back can be used again afterwards.
   *
   * @throws KeyStoreError as every method; `KEY_NOT_FOUND` when the place is not there
   */
  check(uri: string, subject: PassphraseSubject): Promise<void>;
}
