import type { LinkedKeyStore, NewKeyPlace } from "../../keys/linked/linked-key-store.ts";
import type { KeyDrivers } from "../../keys/external/open-driver.ts";
import type { KeyStore, PemKeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { UserKeyStoreOptions } from "../../keys/user-key-store.ts";
import type { Io } from "../io.ts";
import { printable } from "../output/printable.ts";
import { trustDirectoryOf } from "./directories.ts";

/** What is optional about opening keys. */
export type UserKeysOptions = Pick<UserKeyStoreOptions, "passphrases" | "onWarning">;

/** The private keys of this user, wherever they are kept, for commands about keys alone. Without passphrases, they stay locked. */
export async function openKeyStore(io: Io, options: UserKeysOptions = {}): Promise<KeyStore> {
  const { openUserKeyStore } = await import("../../keys/user-key-store.ts");
  return openUserKeyStore(withDefaults(io, options));
}

/**
 * Those private keys of this user that are files, for what only files can do.
 *
 * @param onWarning default: warnings are shown
 */
export async function openKeyFiles(
  io: Io,
  passphrases: PassphraseSource,
  onWarning?: UserKeysOptions["onWarning"],
): Promise<PemKeyStore> {
  const { openUserKeyFiles } = await import("../../keys/user-key-store.ts");
  return openUserKeyFiles(withDefaults(io, { passphrases, ...(onWarning === undefined ? {} : { onWarning }) }));
}

/**
 * Those private keys of this user that are kept elsewhere, and the drivers that find more of them.
 *
 * @param makesAt where new keys are made; without it, none are
 */
export async function openLinkedKeys(
  io: Io,
  passphrases: PassphraseSource,
  makesAt?: NewKeyPlace,
): Promise<{ readonly links: LinkedKeyStore; readonly drivers: KeyDrivers }> {
  const { openUserLinkedKeys } = await import("../../keys/user-key-store.ts");
  return openUserLinkedKeys(withDefaults(io, { passphrases }), makesAt);
}

function withDefaults(io: Io, options: UserKeysOptions): UserKeyStoreOptions {
  const onWarning = (warning: string): void => io.stderr.write(`warning: ${printable(warning)}\n`);
  return { trustDirectory: trustDirectoryOf(io), env: io.env, onWarning, ...options };
}
