import { join } from "node:path";
import { KeyStoreError } from "../errors.ts";
import { FileKeyStore } from "./file-key-store.ts";
import type { KeyStore, PemKeyStore } from "./key-store.ts";
import type { PassphraseSource } from "./passphrase.ts";

/** What {@link openUserKeyStore} needs. */
export interface UserKeyStoreOptions {
  /** `trust` below docker's configuration directory */
  readonly trustDirectory: string;
  /** used when a key must be unlocked or made; without it encrypted keys stay locked */
  readonly passphrases?: PassphraseSource | undefined;
  /** called with a sentence about each file that is readable by others, damaged or unsafe */
  readonly onWarning?: (warning: string) => void;
}

/** The private keys of a user: the files that docker and notary use too. Everything that needs them opens them here. */
export function openUserKeyStore(options: UserKeyStoreOptions): KeyStore {
  return openUserKeyFiles(options);
}

/** Those of a user's private keys that are files, for what only files can do: import, export, change of passphrases. */
export function openUserKeyFiles({ trustDirectory, passphrases, onWarning }: UserKeyStoreOptions): PemKeyStore {
  return new FileKeyStore({
    directory: join(trustDirectory, "private"),
    passphrases: passphrases ?? noPassphrases,
    ...(onWarning === undefined ? {} : { onWarning }),
  });
}

const noPassphrases: PassphraseSource = {
  interactive: false,
  passphraseFor: async ({ role, keyId }) => {
    throw new KeyStoreError(
      "PASSPHRASE_UNAVAILABLE",
      `there is no way to ask for the passphrase of ${role} key ${keyId}`,
    );
  },
};
