import type { KeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { LocalKey } from "../../trust/local-keys/local-key.ts";
import type { Io } from "../io.ts";
import { printable } from "../output/printable.ts";
import { trustDirectoryOf } from "./directories.ts";
import { openKeyStore } from "./user-keys.ts";

/** The private keys of this machine, with what its remembered metadata says about them. */
export interface OpenedKeys {
  readonly store: KeyStore;
  readonly keys: readonly LocalKey[];
  /** what was wrong with files on the way; shown already */
  readonly warnings: readonly string[];
}

/** Lists the keys of this machine. Asks no server, and for no passphrase; the store may ask for one when it unlocks a key later. */
export async function openLocalKeys(io: Io, passphrases?: PassphraseSource): Promise<OpenedKeys> {
  const { rememberedNamings } = await import("../../trust/trust-directory/remembered-namings.ts");
  const { listLocalKeys } = await import("../../trust/local-keys/local-key.ts");
  const warnings: string[] = [];
  const onWarning = (warning: string): void => {
    warnings.push(warning);
    io.stderr.write(`warning: ${printable(warning)}\n`);
  };
  const store = await openKeyStore(io, { onWarning, passphrases });
  const keys = await listLocalKeys(store, await rememberedNamings(trustDirectoryOf(io), onWarning));
  return { store, keys, warnings };
}

/** The keys that the arguments of a command mean, each once. @throws as `findLocalKey` */
export async function keysNamed(names: readonly string[], { store, keys }: OpenedKeys): Promise<readonly LocalKey[]> {
  const { findLocalKey } = await import("../../trust/local-keys/local-key.ts");
  const found = new Set<LocalKey>();
  for (const name of names) found.add(await findLocalKey(name, keys, store));
  return [...found];
}
