/** The request of a key store that needs a passphrase. */
export interface PassphraseRequest {
  /** `new` for a key about to be written, `unlock` for one about to be read, `pin` for the token that holds one */
  readonly purpose: "new" | "unlock" | "pin";
  readonly role: string;
  readonly gun: string | undefined;
  /** canonical key ID; empty while unknown, as for an encrypted key being imported */
  readonly keyId: string;
  /** 1 for the first request about this key, then counting up */
  readonly attempt: number;
  /** why the previous answer was not accepted; absent on the first attempt */
  readonly previousFailure?: "wrong" | "too-short" | "mismatch";
  /** for a PIN: the token, with its serial number; a PIN is asked for once, since a wrong one may lock it */
  readonly token?: string;
}

/** Where passphrases come from: a user, the environment, a file descriptor, a command. */
export interface PassphraseSource {
  /**
   * @returns the passphrase, never empty
   * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` when this source has none for the request
   * @throws KeyStoreError `PASSPHRASE_WRONG` when its only passphrase was wrong
   * @throws KeyStoreError `PASSPHRASE_TOO_SHORT` when a person kept choosing too short ones
   * @throws UsageError `CANCELLED` when a person gave up
   */
  passphraseFor(request: PassphraseRequest): Promise<string>;
  /**
   * Called when a passphrase has opened its key, or has become that of a new one, for a source that keeps what works.
   *
   * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` when it was to keep it and could not
   */
  accepted?(request: Pick<PassphraseRequest, "role" | "keyId">, passphrase: string): Promise<void>;
  /**
   * Called after a key was written under another passphrase than it had, for a source that keeps passphrases.
   *
   * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` when it was to keep it and could not
   */
  changed?(request: Pick<PassphraseRequest, "role" | "keyId">, passphrase: string): Promise<void>;
  /** true when a person may be asked */
  readonly interactive: boolean;
}

/** Fewest bytes of a new passphrase that a person types. */
export const minPassphraseBytes = 8;

/** How often a person is asked for one passphrase before it is called wrong. */
export const maxAttempts = 3;

/** The role under which the passphrase of a key backup is asked for. The space keeps it apart from the names of signers. */
export const backupRole = "key backup";

/** The role under which the passphrase of a spare root key's file is asked for: it is not that of the root key in use. */
export const spareRootRole = "spare root";

/** How a key is named in prompts and messages: the first characters of its ID. */
export function shortKeyId(keyId: string): string {
  return keyId.slice(0, 7);
}

/** A key, or the backup of keys, in a message: `root key 1a2b3c4`; without an ID while it is unknown, as for an encrypted key that is loaded. */
export function describeKey({ role, keyId }: Pick<PassphraseRequest, "role" | "keyId">): string {
  if (role === backupRole) return "the key backup";
  return keyId === "" ? `the ${role} key` : `${role} key ${shortKeyId(keyId)}`;
}
