import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";
import { KeyStoreError } from "../errors.ts";
import { KeyDrivers } from "./external/open-driver.ts";
import { FileKeyStore } from "./file-key-store.ts";
import type { KeyStore, PemKeyStore } from "./key-store.ts";
import { LinkedKeyStore, type NewKeyPlace } from "./linked/linked-key-store.ts";
import { OrderedKeyStores } from "./ordered-key-stores.ts";
import type { PassphraseSource } from "./passphrase.ts";

/** What {@link openUserKeyStore} needs. */
export interface UserKeyStoreOptions {
  /** `trust` below docker's configuration directory */
  readonly trustDirectory: string;
  /** what drivers of tokens and services look up; nothing when absent */
  readonly env?: Environment;
  /** used when a key must be unlocked or made; without it encrypted keys stay locked */
  readonly passphrases?: PassphraseSource | undefined;
  /** called with a sentence about each file that is readable by others, damaged or unsafe */
  readonly onWarning?: (warning: string) => void;
}

/**
 * The private keys of a user: those that are linked, then the files that docker and notary use too. A linked key comes first, since linking
 * one is a choice: a linked root key is the one that new repositories get. Everything that needs keys opens them here.
 */
export function openUserKeyStore(options: UserKeyStoreOptions): KeyStore {
  return new OrderedKeyStores([openUserLinkedKeys(options).links, openUserKeyFiles(options)]);
}

/** Those of a user's private keys that are files, for what only files can do: import, export, change of passphrases. */
export function openUserKeyFiles({ trustDirectory, passphrases, onWarning }: UserKeyStoreOptions): PemKeyStore {
  return new FileKeyStore({
    directory: join(trustDirectory, "private"),
    passphrases: passphrases ?? noPassphrases,
    ...(onWarning === undefined ? {} : { onWarning }),
  });
}

/**
 * Those of a user's private keys that are kept elsewhere, and the drivers that find more of them.
 *
 * @param makesAt where new keys are made; without it, none are
 */
export function openUserLinkedKeys(
  options: UserKeyStoreOptions,
  makesAt?: NewKeyPlace,
): { readonly links: LinkedKeyStore; readonly drivers: KeyDrivers } {
  const { trustDirectory, env = {}, passphrases = noPassphrases, onWarning = () => undefined } = options;
  const drivers = new KeyDrivers({ env, secrets: passphrases, onWarning });
  const directory = join(trustDirectory, "tagseal", "linked-keys");
  return {
    drivers,
    links: new LinkedKeyStore({ directory, driverFor: (uri) => drivers.for(uri), onWarning, makesAt }),
  };
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
